/**
 * What is no sign of its own: control characters, ends of lines, and what turns the direction of writing. A terminal obeys
 * some of them, whoever wrote the text.
 */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** A text of one line as people may see it: what is no sign is U+FFFD. */
export const printable = (text: string): string => text.replace(unprintable, '\ufffd');

/** The same for every text in a value, the keys of objects included; what is no list and no plain object stays. */
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

/** Characters of a reason: of a fault, a change, a message. */
export const longestReason = 500;

/** A text of at most so many characters, its end cut off. */
export const shortened = (text: string, most: number = longestReason): string =>
  text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`;

/** What JSON leaves as it is, and a terminal may obey. */
const obeyed = /[\u007f-\u009f\u2028\u2029\p{Bidi_Control}]/gu;

/** A text of JSON, which says the same and which no terminal takes for commands. */
export const escapedJson = (json: string): string =>
  json.replace(obeyed, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
