import { isUtf8 } from 'node:buffer';
import { isObject, type Json, property } from '../lib/json.ts';
import { parseJson } from '../lib/json-text.ts';
import { isPause, type Steps } from '../lib/steps.ts';

/** Bytes that are decoded and parsed in some 5 ms. */
const oneGo = 1024 * 1024;
/** How far into a long file its deckies begin at most. */
const head = 64 * 1024;
/** Stands for the deckies while the rest is parsed, which holds none itself: JSON has no other way to write it. */
const placeholder = '\\u0000';

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Whether bytes are UTF-8. What has just been read is not in the processor's cache: 30 MB take 40 ms. */
export function* isUtf8InPieces(bytes: Buffer, longest = 1024 * 1024): Steps<boolean> {
  for (let from = 0, to = 0; from < bytes.length; from = to) {
    to = Math.min(from + longest, bytes.length);
    // Not within a character.
    while (to < bytes.length && to > from && isContinuation(bytes[to])) to -= 1;
    if (to === from || !isUtf8(bytes.subarray(from, to))) return false;
    yield;
  }
  return true;
}

const isContinuation = (byte: number | undefined): boolean => ((byte ?? 0) & 0xc0) === 0x80;

/**
 * `parseJson` of a state file, of a long one decky by decky: decoded and parsed in one piece it would stop the process
 * for too long.
 * @param bytes UTF-8
 * @param longest bytes that are parsed in one piece
 * @throws SyntaxError as JSON.parse does
 */
export function* parseInPieces(bytes: Buffer, longest = oneGo): Steps<Json> {
  if (bytes.length > longest) {
    const document = yield* deckyByDecky(bytes);
    if (document !== null) return document;
  }
  return parseJson(bytes.toString());
}

/** Null: it is not written as DECNET writes it, or it is no JSON, and where must be told by the whole text. */
function* deckyByDecky(bytes: Buffer): Steps<Json | null> {
  const start = /"deckies"\s*:\s*\[/.exec(bytes.toString('latin1', 0, head));
  if (start === null) return null;
  const listFrom = start.index + start[0].length;
  const deckies: Json[] = [];
  try {
    let depth = 0;
    let from = listFrom;
    for (let at = listFrom; at < bytes.length; at++) {
      const character = bytes[at];
      if (character === quote) at = endOfString(bytes, at);
      else if (character === openBrace || character === openBracket) depth += 1;
      else if (depth > 0) {
        if (character === closeBrace || character === closeBracket) depth -= 1;
      } else if (character === comma || character === closeBracket) {
        const piece = bytes.toString('utf8', from, at);
        const isEmptyList = character === closeBracket && deckies.length === 0 && piece.trim() === '';
        if (!isEmptyList) deckies.push(parseJson(piece));
        if (character === closeBracket) return around(bytes, listFrom, at, deckies);
        from = at + 1;
        if (isPause(deckies.length)) yield;
      }
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return null;
}

/** @param at its first quote @returns its last one; where the bytes end: it is not there */
function endOfString(bytes: Buffer, at: number): number {
  let end = at + 1;
  while (end < bytes.length && bytes[end] !== quote) end += bytes[end] === backslash ? 2 : 1;
  return end;
}

/** The document with these deckies; null: what was taken for them is another list. @throws SyntaxError */
function around(bytes: Buffer, from: number, to: number, deckies: readonly Json[]): Json | null {
  const [before, after] = [bytes.toString('utf8', 0, from), bytes.toString('utf8', to)];
  if (before.includes(placeholder) || after.includes(placeholder)) return null;
  const document = parseJson(`${before}"${placeholder}"${after}`);
  const config = isObject(document) ? property(document, 'config') : undefined;
  if (!isObject(document) || !isObject(config)) return null;
  const list = property(config, 'deckies');
  if (!Array.isArray(list) || list.length !== 1 || list[0] !== '\0') return null;
  return { ...document, config: { ...config, deckies } };
}
