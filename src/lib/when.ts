import { secondsOf } from './duration.ts';

/** Epoch milliseconds; NaN: it is no time. */
export const timeOf = (text: string): number =>
  /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;

/** The moment that a time or an age means, in epoch milliseconds; NaN: it is neither. */
export function momentOf(text: string): number {
  const age = secondsOf(text);
  return age === null ? timeOf(text) : Date.now() - age * 1000;
}

/** What `momentOf` takes, for messages. */
export const momentsAllowed =
  'Allowed: 2026-01-31, 2026-01-31T12:00Z, or an age such as 30s, 15m, 12h, 7d, 2w';
