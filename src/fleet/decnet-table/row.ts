/** A row of DECNET's own table `fleet_deckies`, with its columns as they stand there. Times are UTC, in the table's own text. */
export interface DecnetRow {
  readonly name: string;
  /** A JSON list. */
  readonly services: string | null;
  /** A JSON object. */
  readonly deckyConfig: string | null;
  readonly deckyIp: string | null;
  readonly state: string;
  readonly lastError: string | null;
  /** `2026-11-27 04:56:32.692727`; MySQL: whole seconds. */
  readonly lastSeen: string | null;
  readonly updatedAt: string;
}

export interface DecnetChanges {
  readonly inserts: readonly DecnetRow[];
  /** `was`: the row as it was read. The row is left alone if another program has changed it since. */
  readonly updates: readonly { readonly was: DecnetRow; readonly row: DecnetRow }[];
  /** As they were read; left alone likewise. */
  readonly deletes: readonly DecnetRow[];
}

/** The names of the rows that changes are about. */
export const namesIn = ({ inserts, updates, deletes }: DecnetChanges): readonly string[] => [
  ...inserts.map(({ name }) => name),
  ...updates.map(({ row }) => row.name),
  ...deletes.map(({ name }) => name),
];

/** The changes without those of some rows. */
export const changesWithout = (
  { inserts, updates, deletes }: DecnetChanges,
  names: ReadonlySet<string>,
): DecnetChanges => ({
  inserts: inserts.filter(({ name }) => !names.has(name)),
  updates: updates.filter(({ row }) => !names.has(row.name)),
  deletes: deletes.filter(({ name }) => !names.has(name)),
});
