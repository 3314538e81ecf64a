import { reasonOf } from '../lib/errors.ts';
import { longestReason, printable } from '../lib/text.ts';

/**
 * Shortens a text from the engine and replaces unprintable characters with one that no legal name contains. So the result
 * never equals a legal name that the text did not equal before.
 * @param max the maximum length in characters
 */
export function keptText(text: string, max: number): string {
  if (text.length <= max && /^[ -~]*$/.test(text)) return text;
  const cut = printable(text.slice(0, max).toWellFormed());
  // Copy it: a substring keeps the whole original string in memory.
  return Buffer.from(cut).toString();
}

/** The reason of an engine's error, as one line of limited length. */
export function faultReason(error: unknown, before = ''): string {
  return keptText(`${before}${reasonOf(error)}`.slice(0, 2 * longestReason), longestReason);
}
