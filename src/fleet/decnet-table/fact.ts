/** How DECNET's own table is kept, in `fleet_hosts.notes`. Times are epoch milliseconds of the database's clock. */
export interface DecnetFact {
  /** When it last agreed with ours; null: it never did. */
  readonly syncedAt: number | null;
  /** Since when it cannot be read or written; null: it can. */
  readonly failingSince: number | null;
  /** Why it cannot; null: it can. */
  readonly reason: string | null;
  /** What another program does to it again and again; null: nothing. */
  readonly rival: string | null;
}

export const noDecnetFact: DecnetFact = { syncedAt: null, failingSince: null, reason: null, rival: null };

/** What a pass found, or did. */
export interface DecnetFinding {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Why the table cannot be read or written; null: it can. */
  readonly reason: string | null;
  /** Whether nothing is left to write. */
  readonly agrees: boolean;
  /** Whether the pass was over all rows. */
  readonly isFull: boolean;
  readonly rival: string | null;
}

export function factAfter(
  before: DecnetFact | null,
  { now, reason, agrees, isFull, rival }: DecnetFinding,
): DecnetFact {
  const known = { ...(before ?? noDecnetFact), rival };
  if (reason !== null) return { ...known, failingSince: known.failingSince ?? now, reason };
  // After an outage, a pass over some rows says nothing about the others.
  if (!agrees || (!isFull && known.failingSince !== null)) return known;
  return { ...known, syncedAt: now, failingSince: null, reason: null };
}
