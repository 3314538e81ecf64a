import { reasonOf } from '../errors.ts';

/** Characters of an engine's fault: enough for any that is meant to be read. */
const longestReason = 500;

/** Controls, ends of lines, halves of characters: PostgreSQL refuses some of them, and a terminal obeys others. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/**
 * What is kept of a text of the engine's: what cannot be printed is replaced by a character that no name has, and the
 * rest is cut off. Such a text never equals one that it did not equal before.
 * @param most characters
 */
export function keptText(text: string, most: number): string {
  if (text.length <= most && /^[ -~]*$/.test(text)) return text;
  const cut = text.slice(0, most).replace(unprintable, '\ufffd');
  // A part of a text keeps all of it in memory: this is another one.
  return Buffer.from(cut).toString();
}

/** The reason of a fault of the engine's: one line, however much the engine says. */
export function faultReason(error: unknown, before = ''): string {
  return keptText(`${before}${reasonOf(error)}`.slice(0, 2 * longestReason), longestReason);
}
