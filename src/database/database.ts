import type { MikroORM } from '@mikro-orm/postgresql';
import type { MigrationRecord } from '../fleet/migrations.ts';
import type { Db, Query } from './query.ts';

/** Options of a transaction. */
interface TransactionOptions {
  readonly readOnly?: boolean;
  /** Whether all statements read the same snapshot. */
  readonly snapshot?: boolean;
}

export interface Database {
  readonly orm: MikroORM;
  readonly url: string;
  /** Runs one statement outside a transaction. @throws FleetError */
  readonly query: Query;
  /** Runs `work` in one transaction. Database errors are converted into errors for users. @throws FleetError */
  transaction<T>(work: (db: Db) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Runs `work` in a read-only transaction whose statements all read the same snapshot.
   * @throws FleetError
   */
  snapshot<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** The record of migrations, compared with those of this version. */
  migrations(): Promise<MigrationRecord>;
  /**
   * Checks that the tables have all columns of this version. Unlike `migrations`, every role may do this.
   * @throws FleetError SCHEMA_MISSING
   */
  checkColumns(): Promise<void>;
  /**
   * Migrates the schema and updates the privileges, in one process at a time. A database of a newer version is not changed.
   * @param options.upTo the last migration to run; the privileges are then not updated
   * @returns the names of the migrations that were run
   */
  migrate(options?: { upTo?: string }): Promise<readonly string[]>;
  close(): Promise<void>;
}
