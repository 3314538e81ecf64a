import { endsWithin } from '../lib/ends-within.ts';
import type { Connections } from './connection.ts';
import type { Database } from './database.ts';
import { isMade, makeLocks } from './locks.ts';
import { openOrm } from './mikro-orm.ts';
import { query } from './query.ts';
import { applyRights } from './rights.ts';

/** The time limit for closing the connections of the migrations in milliseconds. */
const closeWithinMs = 5000;

/** The names of the pending migrations. */
export const pendingMigrations = (transaction: Database['transaction']): Promise<readonly string[]> =>
  transaction(
    async (db) => {
      const { migrationNames } = await loadMigrator();
      if (!(await isMade(db, 'fleet_migrations'))) return migrationNames;
      const found = await query<{ name: string }>(db, 'select name from fleet_migrations');
      const ran = new Set(found.map(({ name }) => name));
      return migrationNames.filter((name) => !ran.has(name));
    },
    { readOnly: true },
  );

/** Migrates the schema and updates the privileges, in one process at a time. @see Database.migrate */
export async function migrate(
  { url, transaction }: Pick<Database, 'url' | 'transaction'>,
  connections: Connections,
  upTo?: string,
): Promise<readonly string[]> {
  const { runMigrations } = await loadMigrator();
  await makeLocks(transaction);
  // The lock is held in a separate transaction, so that it also works through PgBouncer in transaction mode.
  return transaction(async (lock) => {
    await query(lock, `select from fleet_locks where name = 'migrations' for update`);
    // MikroORM's statements are not schema-qualified. None of them uses an operator or a function that could be replaced.
    const migrating = await openOrm(url, 2, async (client) => {
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
