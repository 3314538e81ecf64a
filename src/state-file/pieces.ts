import { endOfString, isObject, type Json, property } from '../fleet/json.ts';
import { isPause, type Steps } from '../fleet/steps.ts';

/** Characters that `JSON.parse` takes in some 20 ms. */
const oneGo = 8 * 1024 * 1024;
/** Stands for the deckies while the rest is parsed. No decky is a text. */
const placeholder = '"\\u0000"';

/**
 * `JSON.parse` of a state file, of a long one decky by decky: in one piece it would stop the process for too long.
 * @param longest characters that are parsed in one piece
 * @throws SyntaxError as JSON.parse does
 */
export function* parseInPieces(text: string, longest = oneGo): Steps<Json> {
  if (text.length > longest) {
    const document = yield* deckyByDecky(text);
    if (document !== null) return document;
  }
  return JSON.parse(text) as Json;
}

/** Null: it is not written as DECNET writes it, or it is no JSON, and where must be told by the whole text. */
function* deckyByDecky(text: string): Steps<Json | null> {
  const start = /"deckies"\s*:\s*\[/.exec(text);
  if (start === null) return null;
  const listFrom = start.index + start[0].length;
  const deckies: Json[] = [];
  try {
    let depth = 0;
    let from = listFrom;
    for (let at = listFrom; at < text.length; at++) {
      const character = text[at];
      if (character === '"') at = endOfString(text, at) ?? text.length;
      else if (character === '{' || character === '[') depth += 1;
      else if (depth > 0) {
        if (character === '}' || character === ']') depth -= 1;
      } else if (character === ',' || character === ']') {
        const piece = text.slice(from, at);
        const isEmptyList = character === ']' && deckies.length === 0 && piece.trim() === '';
        if (!isEmptyList) deckies.push(JSON.parse(piece) as Json);
        if (character === ']') return around(text, listFrom, at, deckies);
        from = at + 1;
        if (isPause(deckies.length)) yield;
      }
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return null;
}

/** The document with these deckies; null: what was taken for them is another list. @throws SyntaxError */
function around(text: string, from: number, to: number, deckies: readonly Json[]): Json | null {
  const document = JSON.parse(text.slice(0, from) + placeholder + text.slice(to)) as Json;
  const config = isObject(document) ? property(document, 'config') : undefined;
  if (!isObject(document) || !isObject(config)) return null;
  const list = property(config, 'deckies');
  if (!Array.isArray(list) || list.length !== 1 || list[0] !== JSON.parse(placeholder)) return null;
  return { ...document, config: { ...config, deckies } };
}
