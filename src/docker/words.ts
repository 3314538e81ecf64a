import { reasonOf } from '../lib/errors.ts';
import { longestReason, printable } from '../lib/text.ts';

/**
 * What is kept of a text of the engine's: what cannot be printed is replaced by a character that no name has, and the
 * rest is cut off. Such a text never equals one that it did not equal before.
 * @param most characters
 */
export function keptText(text: string, most: number): string {
  if (text.length <= most && /^[ -~]*$/.test(text)) return text;
  const cut = printable(text.slice(0, most).toWellFormed());
  // A part of a text keeps all of it in memory: this is another one.
  return Buffer.from(cut).toString();
}

/** The reason of a fault of the engine's: one line, however much the engine says. */
export function faultReason(error: unknown, before = ''): string {
  return keptText(`${before}${reasonOf(error)}`.slice(0, 2 * longestReason), longestReason);
}
