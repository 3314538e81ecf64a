import { type ExactNumber, writtenDigits } from '../lib/exact-number.ts';
import { isNumber, isObject, type Json, property } from '../lib/json.ts';

/** Deeper than any file of DECNET, and far from what PostgreSQL's parser refuses. */
const deepest = 100;

/** Digits of a number before and after the point: PostgreSQL's numeric holds no more. */
const mostDigits = { whole: 131_072, scale: 16_383 };

/** Notes a fault; null, so that a caller can give up in the same breath. */
export type Report = (what: string | (() => string), advice?: string) => null;

/**
 * PostgreSQL's jsonb takes neither NUL nor half a surrogate pair, and numbers of so many digits only.
 * @param path where the value stands, by keys and places; put into words for a fault alone
 * @returns by how many characters the value is longer in a row
 */
export function checkStorable(value: Json, where: string, path: (string | number)[], report: Report): number {
  let grows = 0;
  if (path.length > deepest) {
    report(`${placeOf(where, path).slice(0, 200)} is nested more than ${deepest} levels deep`);
  } else if (typeof value === 'string') {
    if (!isStorable(value)) {
      report(
        `${placeOf(where, path)} holds a character that cannot be stored (NUL or half a surrogate pair)`,
      );
    }
  } else if (isNumber(value)) {
    if (isUsual(value)) return 0;
    const { whole, scale } = writtenDigits(value);
    if (whole > mostDigits.whole || scale > mostDigits.scale) {
      report(`${placeOf(where, path)} is a number of more digits than can be stored`);
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
        report(`${placeOf(where, path)} has a key with a character that cannot be stored`);
      }
      path.push(key);
      grows += checkStorable(property(value, key) as Json, where, path, report);
      path.pop();
    }
  }
  return grows;
}

/** No number that JavaScript writes without an exponent is longer in a row. */
const isUsual = (value: number | ExactNumber): boolean =>
  typeof value === 'number' && (value === 0 || (Math.abs(value) >= 1e-6 && Math.abs(value) < 1e21));

const placeOf = (where: string, path: readonly (string | number)[]): string =>
  path.reduce<string>((text, at) => (typeof at === 'number' ? `${text}[${at}]` : `${text}.${at}`), where);

const isStorable = (content: string): boolean => !content.includes('\0') && content.isWellFormed();
