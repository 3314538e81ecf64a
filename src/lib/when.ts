const units = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** `2h` in seconds; null: it is no length of time. */
export function secondsOf(text: string): number | null {
  const found = /^(\d{1,6})\s*([smhd])$/.exec(text);
  return found === null ? null : Number(found[1]) * units[found[2] as keyof typeof units];
}

/** Epoch milliseconds; NaN: it is no time. */
export const timeOf = (text: string): number =>
  /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;

/** The moment that a time or an age means, in epoch milliseconds; NaN: it is neither. */
export function momentOf(text: string): number {
  const age = secondsOf(text);
  return age === null ? timeOf(text) : Date.now() - age * 1000;
}

/** What `momentOf` takes, for messages. */
export const momentsAllowed = 'Allowed: 2026-01-31, 2026-01-31T12:00Z, or an age such as 30s, 15m, 12h, 7d';
