import { type ExactNumber, writtenDigits } from '../lib/exact-number.ts';
import { isNumber, isObject, type Json, property } from '../lib/json.ts';

/** Deeper than any file of DECNET, and well below the limit of PostgreSQL's parser. */
const maxDepth = 100;

/** The digits before and after the decimal point that PostgreSQL's numeric can hold. */
const maxDigits = { whole: 131_072, scale: 16_383 };

/** Records a fault. Returns null, so that a caller can return the result of the call. */
export type Report = (what: string | (() => string), advice?: string) => null;

/**
 * Checks that PostgreSQL's jsonb can store a value: it accepts neither NUL nor half a surrogate pair, and limits the
 * digits of a number.
 * @param path the keys and indexes that lead to the value; only formatted for a fault
 * @returns by how many characters the value is longer in a row than in JSON
 */
export function checkStorable(value: Json, where: string, path: (string | number)[], report: Report): number {
  let grows = 0;
  if (path.length > maxDepth) {
    report(`${fieldLocation(where, path).slice(0, 200)} is nested more than ${maxDepth} levels deep`);
  } else if (typeof value === 'string') {
    if (!isStorable(value)) {
      report(
        `${fieldLocation(where, path)} holds a character that cannot be stored (NUL or half a surrogate pair)`,
      );
    }
  } else if (isNumber(value)) {
    if (isPlain(value)) return 0;
    const { whole, scale } = writtenDigits(value);
    if (whole > maxDigits.whole || scale > maxDigits.scale) {
      report(`${fieldLocation(where, path)} is a number of more digits than can be stored`);
    }
    grows = Math.max(0, whole + scale - JSON.stringify(value).length);
  } else if (Array.isArray(value)) {
    for (const [at, member] of value.entries()) {
      path.push(at);
      grows += checkStorable(member, where, path, report);
      path.pop();
    }
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      if (!isStorable(key)) {
        report(`${fieldLocation(where, path)} has a key with a character that cannot be stored`);
      }
      path.push(key);
      grows += checkStorable(property(value, key) as Json, where, path, report);
      path.pop();
    }
  }
  return grows;
}

/** Whether JavaScript writes the number without an exponent. Such a number is not longer in a row. */
const isPlain = (value: number | ExactNumber): boolean =>
  typeof value === 'number' && (value === 0 || (Math.abs(value) >= 1e-6 && Math.abs(value) < 1e21));

const fieldLocation = (where: string, path: readonly (string | number)[]): string =>
  path.reduce<string>((text, at) => (typeof at === 'number' ? `${text}[${at}]` : `${text}.${at}`), where);

const isStorable = (content: string): boolean => !content.includes('\0') && content.isWellFormed();
