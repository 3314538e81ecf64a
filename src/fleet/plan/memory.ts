/**
 * What the passes of a host remember about its rows, stored in `fleet_hosts.notes`.
 * Times are epoch milliseconds of the database's clock.
 */
export interface Memory {
  readonly held: ReadonlyMap<string, HeldNote>;
  readonly left: ReadonlyMap<string, LeftNote>;
  readonly contested: ReadonlyMap<string, HeldNote>;
}

export interface HeldNote {
  readonly reason: string;
  readonly since: number;
}

/** A row that is left to the program that wrote it, for the grace period. */
export interface LeftNote {
  /** When a pass first found the row in this state. Later writes of the other program do not change it. */
  readonly since: number;
  /** When the other program last wrote the row. */
  readonly writtenAt: number;
  /** The decky was observed running since that write, so passes may change its state again. */
  readonly ran: boolean;
}

export const noMemory: Memory = { held: new Map(), left: new Map(), contested: new Map() };

/**
 * Merges the memory of a pass over some deckies into the memory before it. The notes about other deckies stay
 * unchanged.
 * @param only the deckies of the pass; null: all
 */
export function mergeMemory(before: Memory, after: Memory, only: ReadonlySet<string> | null): Memory {
  if (only === null) return after;
  const merge = <T>(old: ReadonlyMap<string, T>, now: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map([...[...old].filter(([name]) => !only.has(name)), ...now]);
  return {
    held: merge(before.held, after.held),
    left: merge(before.left, after.left),
    contested: merge(before.contested, after.contested),
  };
}
