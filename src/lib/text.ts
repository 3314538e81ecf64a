/**
 * Control characters, line separators and bidirectional controls. A terminal interprets some of them, also in texts that come
 * from other programs.
 */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Replaces unprintable characters, including line breaks, with U+FFFD. */
export const printable = (text: string): string => text.replace(unprintable, '\ufffd');

/** Applies `printable` to every string in a value, including keys of objects. Values other than lists and plain objects are unchanged. */
export function printableDeep<T>(value: T): T {
  const clean = (part: unknown): unknown => {
    if (typeof part === 'string') return printable(part);
    if (Array.isArray(part)) return part.map(clean);
    if (typeof part !== 'object' || part === null || Object.getPrototypeOf(part) !== Object.prototype)
      return part;
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [printable(key), clean(inner)]));
  };
  return clean(value) as T;
}

/** The maximum length of a reason in characters. */
export const longestReason = 500;

/** Shortens a text to at most `max` characters. */
export const shortened = (text: string, max: number = longestReason): string =>
  text.length <= max ? text : `${text.slice(0, max - 1).toWellFormed()}…`;

/** Characters that JSON does not escape and that a terminal may interpret. */
const obeyed = /[\u007f-\u009f\u2028\u2029\p{Bidi_Control}]/gu;

/** Escapes control characters in JSON; the value is the same, and a terminal does not interpret them. */
export const escapedJson = (json: string): string =>
  json.replace(obeyed, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A text as the beginning of a sentence. */
export const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
