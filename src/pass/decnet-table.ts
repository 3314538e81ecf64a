import type { DecnetChanges, DecnetRow } from '../fleet/decnet-table/row.ts';

export type { DecnetChanges, DecnetRow } from '../fleet/decnet-table/row.ts';

/** DECNET's own table. Every method may throw DECNET_TABLE_FAILED, and answers within 5 s. */
export interface DecnetTable {
  /** The address for messages, without a password. */
  readonly location: string;
  /**
   * The rows of one host, in one statement, in any order. A row that did not change since the last reading of the whole host is
   * the same object as then; it must not be changed.
   * @param only null: all
   */
  read(host: string, only: readonly string[] | null): Promise<readonly DecnetRow[]>;
  /**
   * One short transaction. A row that was changed since it was read is left, and a row that exists is not inserted. Large changes
   * are written in part, so that DECNET does not wait: ask again with the rest until the answer is empty.
   * @returns the names written
   */
  write(host: string, changes: DecnetChanges): Promise<readonly string[]>;
  close(): Promise<void>;
}
