import type { MikroORM } from '@mikro-orm/postgresql';
import type { Db, Query } from './query.ts';

/** How a transaction is to be run. */
interface TransactionOptions {
  readonly readOnly?: boolean;
  /** All that the work reads is of one moment. */
  readonly snapshot?: boolean;
}

export interface Database {
  readonly orm: MikroORM;
  readonly url: string;
  /** One statement by itself. @throws FleetError */
  readonly query: Query;
  /** Some work in one transaction; what fails is thrown as people read it. @throws FleetError */
  transaction<T>(work: (db: Db) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * All that some work reads, one statement after the other, is of one moment: what is committed meanwhile does not show.
   * @throws FleetError
   */
  snapshot<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** Names of the migrations that are still to run. */
  pending(): Promise<readonly string[]>;
  /**
   * Brings the schema and the rights up to date, while no other process does.
   * @param options.upTo the last migration to run; the rights are then those of before
   * @returns the names of what it ran
   */
  migrate(options?: { upTo?: string }): Promise<readonly string[]>;
  close(): Promise<void>;
}
