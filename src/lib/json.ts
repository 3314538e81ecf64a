import { type ExactNumber, isExact } from './exact-number.ts';

/** Any JSON value, as `parseJson` gives it. */
export type Json = null | boolean | number | string | ExactNumber | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isExact(value);

export const isNumber = (value: unknown): value is number | ExactNumber =>
  typeof value === 'number' || isExact(value);

/** Whether somewhere in it stands a number that one of JavaScript would change. */
export const holdsExact = (value: Json): boolean =>
  isExact(value) ||
  ((Array.isArray(value) || isObject(value)) && Object.values(value).some((part: Json) => holdsExact(part)));

/** A property of the object itself: `__proto__` and the like are ordinary keys of JSON. */
export const property = (object: JsonObject, key: string): Json | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined;

/** The texts of a list, each once; of anything else none: a row that another program wrote may hold anything. */
export const textsOf = (value: Json | readonly Json[] | undefined): readonly string[] => [
  ...new Set(Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []),
];

/**
 * Equal as PostgreSQL's jsonb keeps it: the order of keys does not count, that of lists does, and `1.0` is another number
 * than `1`.
 */
export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((value, at) => equalJson(value, b[at]));
  }
  if (isExact(a)) return isExact(b) && a.kept === b.kept;
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equalJson(a[key], b[key]))
  );
}
