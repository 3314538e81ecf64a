const units = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

/** The units of a length of time, for messages. */
export const durationUnits: readonly string[] = Object.keys(units);

/** `2h` in seconds; null: it is no length of time. */
export function secondsOf(text: string): number | null {
  const found = /^(\d{1,6})\s*([smhdw])$/.exec(text);
  return found === null ? null : Number(found[1]) * units[found[2] as keyof typeof units];
}
