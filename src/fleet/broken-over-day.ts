/** Seconds of a part of the day. */
export const partSeconds = 900;
export const partsOfDay: number = 86_400 / partSeconds;

/** What changed in a part of the day. */
export interface PartChanges {
  /** The number of the part since the epoch. */
  readonly part: number;
  /** How many more deckies were broken at its end than at its beginning. */
  readonly delta: number;
  readonly changes: number;
}

export interface PartOfDay {
  readonly part: number;
  /** How many deckies were broken at its end; null: it is not known. */
  readonly broken: number | null;
  readonly changes: number;
}

/**
 * How many deckies were broken at the end of each quarter of an hour of the last day, counted back from now.
 * @param broken how many are broken now
 * @param now the number of the present part
 * @param since the first part of which all changes are known; null: all are
 */
export function brokenOverDay(
  broken: number,
  now: number,
  changes: readonly PartChanges[],
  since: number | null,
): readonly PartOfDay[] {
  const byPart = new Map(changes.map((one) => [one.part, one]));
  const found: PartOfDay[] = [];
  let count = broken;
  for (let part = now; part > now - partsOfDay; part--) {
    const isKnown = since === null || part >= since;
    const { delta = 0, changes: some = 0 } = byPart.get(part) ?? {};
    // Another program may have written a state without a transition.
    found.push({ part, broken: isKnown ? Math.max(0, count) : null, changes: some });
    count -= delta;
  }
  return found.reverse();
}
