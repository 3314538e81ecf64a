import { compareMigrations, isOfNewerVersion, type MigrationRecord } from '../fleet/migrations.ts';
import { endsWithin } from '../lib/ends-within.ts';
import type { Connections } from './connection.ts';
import type { Database } from './database.ts';
import { isMade, makeLocks } from './locks.ts';
import { openOrm, type PoolLimits } from './mikro-orm.ts';
import { type Db, query } from './query.ts';
import { applyRights } from './rights.ts';

/** The time limit for closing the connections of the migrations in milliseconds. */
const closeWithinMs = 5000;

/** Compares the record of migrations with those of this version. */
export const migrationRecord = (transaction: Database['transaction']): Promise<MigrationRecord> =>
  transaction(readRecord, { readOnly: true });

async function readRecord(db: Db): Promise<MigrationRecord> {
  const { migrationNames } = await loadMigrator();
  if (!(await isMade(db, 'fleet_migrations'))) return compareMigrations(migrationNames, []);
  const ran = await query<{ name: string }>(db, 'select name from fleet_migrations order by id');
  return compareMigrations(
    migrationNames,
    ran.map(({ name }) => name),
  );
}

/**
 * Migrates the schema and updates the privileges, in one process at a time. A database of a newer version is not changed: the
 * privileges of this version do not include its columns.
 * @see Database.migrate
 */
export async function migrate(
  { url, transaction }: Pick<Database, 'url' | 'transaction'>,
  { connectWithinMs }: PoolLimits,
  connections: Connections,
  upTo?: string,
): Promise<readonly string[]> {
  const { runMigrations } = await loadMigrator();
  await makeLocks(transaction);
  // The lock is held in a separate transaction, so that it also works through PgBouncer in transaction mode.
  return transaction(async (lock) => {
    await query(lock, `select from fleet_locks where name = 'migrations' for update`);
    if (isOfNewerVersion(await readRecord(lock))) return [];
    // MikroORM's statements are not schema-qualified. None of them uses an operator or a function that could be replaced.
    const migrating = await openOrm(url, { poolMax: 2, connectWithinMs }, async (client) => {
      if (!connections.pooled) await client.query(`set search_path to pg_catalog, ${lock.schema}, pg_temp`);
    });
    try {
      const names = await runMigrations(migrating, lock.schema, upTo);
      if (upTo === undefined) await applyRights(lock);
      return names;
    } finally {
      // With a time limit: a connection that was lost in a migration is never released.
      await endsWithin(closeWithinMs, migrating.close(true));
    }
  });
}

/** Loaded only for migrations, to save memory in workers on small hosts. */
const loadMigrator = () => import('./migrations/migrator.ts');
