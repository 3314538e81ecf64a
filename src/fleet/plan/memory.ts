/**
 * What a host's passes remember of its rows from one to the next, kept in `fleet_hosts.notes`.
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

/** A row that another program wrote, and that is left to it for the grace. */
export interface LeftNote {
  /** When a pass first saw it so: a writer that stamps its row again and again does not move this. */
  readonly since: number;
  /** When the other program wrote it last. */
  readonly writtenAt: number;
  /** Since that write it was seen running: from then on its state is ours. */
  readonly ran: boolean;
}

export const noMemory: Memory = { held: new Map(), left: new Map(), contested: new Map() };

/**
 * The memory after a pass that looked at some deckies only: those of the others stay as they were.
 * @param only the names looked at; null: all
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
