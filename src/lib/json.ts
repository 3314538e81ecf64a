import { type ExactNumber, isExact } from './exact-number.ts';

/** Any JSON value, as returned by `parseJson`. */
export type Json = null | boolean | number | string | ExactNumber | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isExact(value);

export const isNumber = (value: unknown): value is number | ExactNumber =>
  typeof value === 'number' || isExact(value);

/** Whether a value contains a number that JavaScript cannot represent exactly. */
export const holdsExact = (value: Json): boolean =>
  isExact(value) ||
  ((Array.isArray(value) || isObject(value)) && Object.values(value).some((part: Json) => holdsExact(part)));

/** An own property: in JSON, `__proto__` and the like are ordinary keys. */
export const property = (object: JsonObject, key: string): Json | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined;

/** The distinct strings of a list. Other values are ignored: a row of another program may contain anything. */
export const textsOf = (value: Json | readonly Json[] | undefined): readonly string[] => [
  ...new Set(Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []),
];

/**
 * Compares two values as PostgreSQL's jsonb stores them: the order of keys is ignored, the order of lists is not, and `1.0`
 * differs from `1`.
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
