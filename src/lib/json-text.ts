import { ExactNumber, exactly } from './exact-number.ts';
import { isObject, type Json } from './json.ts';

const [quote, backslash, minus, point, zero, nine] = [0x22, 0x5c, 0x2d, 0x2e, 0x30, 0x39];
/** Numbers with at most this many digits are exact in JavaScript. */
const safeDigits = 15;
/** A fast pre-check of every text: never false for a text with an inexact number, and rarely true for others. */
const mayHoldExact = /[[:,]\s*-?\d(?:\d*\.\d*0[,}\]\s]|[\d.]{15}|[\d.]*[eE])/;
const beginsAsNumber = /^\s*[-\d]/;
const nul = '\\u0000';
const literal = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const afterNumber = /[ \t\n\r]*(?:[,\]}]|$)/y;

/** A number and its position. */
interface Found {
  readonly from: number;
  readonly to: number;
  readonly number: ExactNumber;
}

/**
 * `JSON.parse` that keeps all numbers exact: those that JavaScript cannot represent are returned as `ExactNumber`. A text
 * without such numbers is scanned once more. A reviver, which receives the source text, would take ten times as long.
 * @throws SyntaxError as JSON.parse does
 */
export function parseJson(text: string): Json {
  const found = beginsAsNumber.test(text) || mayHoldExact.test(text) ? exactNumbers(text) : [];
  if (found.length === 0) return JSON.parse(text) as Json;
  // Replace each number with a marked string.
  const mark = freeMark(text);
  const marked: string[] = [];
  let at = 0;
  for (const [location, { from, to }] of found.entries()) {
    marked.push(text.slice(at, from), `"${nul}${mark}${location}"`);
    at = to;
  }
  marked.push(text.slice(at));
  let document: Json;
  try {
    document = JSON.parse(marked.join('')) as Json;
  } catch {
    // Parse the original text, so that the error has the right position.
    return JSON.parse(text) as Json;
  }
  const begins = `\0${mark}`;
  return withTexts(document, (value) =>
    value.startsWith(begins) ? (found[Number(value.slice(begins.length))]?.number ?? value) : value,
  );
}

/** A mark that no string of the document has after a leading NUL. JSON has only one notation for NUL. @throws SyntaxError */
function freeMark(text: string): string {
  if (!text.includes(nul)) return '';
  const taken = new Set<string>();
  withTexts(JSON.parse(text) as Json, (value) => {
    taken.add(value.slice(1, value.indexOf(':') + 1));
    return value;
  });
  let number = 0;
  while (taken.has(`${number}:`)) number += 1;
  return `${number}:`;
}

/** Finds the numbers that must be kept exactly. The result is arbitrary if the text is not valid JSON. */
function exactNumbers(text: string): readonly Found[] {
  const found: Found[] = [];
  for (let at = 0; at < text.length; at++) {
    const sign = text.charCodeAt(at);
    if (sign === quote) at = endOfString(text, at);
    else if (sign === minus || isDigit(sign)) {
      const from = at;
      while (isOfNumber(text.charCodeAt(at + 1))) at += 1;
      if (at - from < safeDigits && !mayChange(text, from, at)) continue;
      const number = numberAt(text, from, at + 1);
      if (number instanceof ExactNumber) found.push({ from, to: at + 1, number });
    }
  }
  return found;
}

const isDigit = (sign: number): boolean => sign >= zero && sign <= nine;

/** Digits, `.`, `e`, `E`, `+` and `-`. */
const isOfNumber = (sign: number): boolean =>
  isDigit(sign) || sign === point || sign === minus || sign === 0x2b || (sign | 0x20) === 0x65;

/** Whether JavaScript may change a short number: it has an exponent, or a fraction that ends in zero. */
function mayChange(text: string, from: number, last: number): boolean {
  const endsInZero = text.charCodeAt(last) === zero;
  for (let at = from; at <= last; at++) {
    const sign = text.charCodeAt(at);
    if ((sign === point && endsInZero) || (sign | 0x20) === 0x65) return true;
  }
  return false;
}

/** Parses the number at a position; null: there is no number as a value, so the text is not valid JSON. */
function numberAt(text: string, from: number, to: number): number | ExactNumber | null {
  literal.lastIndex = from;
  if (!literal.test(text) || literal.lastIndex !== to) return null;
  afterNumber.lastIndex = to;
  return afterNumber.test(text) ? exactly(text.slice(from, to)) : null;
}

/** @param at the position of the opening quote @returns the position of the closing quote, or the end of the text if it is missing */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

/** Replaces the strings of a document that begin with NUL. Not recursive: a document may be nested to any depth. */
function withTexts(document: Json, of: (value: string) => Json): Json {
  if (typeof document === 'string') return of(document);
  const open: Json[] = [document];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (!Array.isArray(one) && !isObject(one)) continue;
    const parts = one as { [key: string]: Json };
    for (const key of Object.keys(parts)) {
      const value = parts[key] as Json;
      if (typeof value === 'object') open.push(value);
      else if (typeof value === 'string' && value.charCodeAt(0) === 0) parts[key] = of(value);
    }
  }
  return document;
}
