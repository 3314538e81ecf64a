import { type EntityManager, MikroORM } from '@mikro-orm/postgresql';
import type { Kysely } from 'kysely';
import type { ClientBase } from 'pg';
import { applicationName } from '../lib/application-name.ts';
import { connectionOptions, databasePlace } from '../lib/database-address.ts';
import { databaseFault } from '../lib/database-faults.ts';
import { endsWithin } from '../lib/ends-within.ts';
import { type Connections, prepare, safestPath } from './connection.ts';
import type { Database } from './database.ts';
import { isMade, makeLocks } from './locks.ts';
import { query } from './query.ts';
import { applyRights } from './rights.ts';
import { entities } from './schema.ts';

/** The time limit for a connection in milliseconds. */
const connectWithinMs = 5000;
/** The time limit of a statement in milliseconds, far more than the largest fleet needs. */
const answerWithinMs = 60_000;
/** The time limit for closing the connections of the migrations in milliseconds. */
const closeWithinMs = 5000;
/** Milliseconds after which an idle connection is closed. */
const idleAfterMs = 5000;

const kyselyOf = (em: EntityManager): Kysely<unknown> => em.getKysely() as unknown as Kysely<unknown>;

const unknownConnections = (): Connections => ({ schema: null, path: safestPath, pooled: false });

/** Opens a database. It connects on the first query. */
export async function openDatabase(url: string, options: { poolMax?: number } = {}): Promise<Database> {
  const connections = unknownConnections();
  const place = databasePlace(url);
  const orm = await connect(url, options.poolMax ?? 4, (client) => prepare(client, connections));
  const underway = new Set<Promise<unknown>>();
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    const running = work();
    underway.add(running);
    try {
      return await running;
    } catch (error) {
      throw databaseFault(error, place);
    } finally {
      underway.delete(running);
    }
  };
  /** The schema of the tables, which the first connection finds. */
  const schema = async (): Promise<string> => {
    if (connections.schema === null) await orm.em.getConnection().execute('select');
    return connections.schema ?? 'public';
  };
  const transaction: Database['transaction'] = (work, { readOnly = false, snapshot = false } = {}) =>
    run(async () => {
      const where = await schema();
      // Use Kysely's transaction: MikroORM's never releases its connection when the connection is lost before the end.
      let transacting = kyselyOf(orm.em.fork()).transaction();
      if (readOnly) transacting = transacting.setAccessMode('read only');
      if (snapshot) transacting = transacting.setIsolationLevel('repeatable read');
      const faults: unknown[] = [];
      try {
        return await transacting.execute(async (kysely) => {
          const db = { kysely, schema: where };
          try {
            if (connections.pooled) await query(db, `set local search_path to ${connections.path}`);
            return await work(db);
          } catch (error) {
            faults.push(error);
            throw error;
          }
        });
      } catch (error) {
        // On a lost connection the rollback fails, too, and its error would hide the cause.
        throw faults.length > 0 ? faults[0] : error;
      }
    });
  return {
    orm,
    url,
    transaction,
    query: <R>(statement: string, values: readonly unknown[] = []) =>
      run(async () => {
        const where = await schema();
        if (connections.pooled) return transaction((db) => query<R>(db, statement, values));
        return query<R>({ kysely: kyselyOf(orm.em.fork()), schema: where }, statement, values);
      }),
    snapshot: (work) =>
      transaction((db) => work((statement, values) => query(db, statement, values)), {
        readOnly: true,
        snapshot: true,
      }),
    pending: () =>
      transaction(
        async (db) => {
          const { migrationNames } = await import('./migrations/migrator.ts');
          if (!(await isMade(db, 'fleet_migrations'))) return migrationNames;
          const ran = new Set(
            (await query<{ name: string }>(db, 'select name from fleet_migrations')).map(({ name }) => name),
          );
          return migrationNames.filter((name) => !ran.has(name));
        },
        { readOnly: true },
      ),
    migrate: async ({ upTo } = {}) => {
      // Loaded only for migrations, to save memory in workers on small hosts.
      const { runMigrations } = await import('./migrations/migrator.ts');
      await makeLocks(transaction);
      // The lock is held in a separate transaction, so that it also works through PgBouncer in transaction mode.
      return transaction(async (lock) => {
        await query(lock, `select from fleet_locks where name = 'migrations' for update`);
        // MikroORM's statements are not schema-qualified. None of them uses an operator or a function that could be replaced.
        const migrating = await connect(url, 2, async (client) => {
          if (!connections.pooled)
            await client.query(`set search_path to pg_catalog, ${lock.schema}, pg_temp`);
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
    },
    close: async () => {
      // Wait first: Kysely never releases a connection that it acquires while closing, and then its pool never ends.
      while (underway.size > 0) await Promise.allSettled(underway);
      await orm.close(true);
    },
  };
}

/** Opens MikroORM. @param onConnect called with each new connection */
const connect = (
  url: string,
  poolMax: number,
  onConnect: (client: ClientBase) => Promise<void>,
): Promise<MikroORM> => {
  const options = connectionOptions(url, { applicationName });
  return MikroORM.init({
    // Do not set `clientUrl`: MikroORM uses only host, port, user, password and name of it.
    dbName: options.database ?? '',
    entities,
    // Only migrations manage the policies, and the tables that are used only by functions and locks.
    schemaGenerator: {
      skipTables: ['fleet_grants', 'fleet_masters', 'fleet_locks', 'fleet_limits', 'fleet_migrations'],
      ignorePolicies: true,
    },
    // stdout is reserved for the output of commands.
    logger: () => undefined,
    pool: { min: 0, max: poolMax, idleTimeoutMillis: idleAfterMs },
    driverOptions: {
      ...options,
      connectionTimeoutMillis: connectWithinMs,
      query_timeout: answerWithinMs,
      keepAlive: true,
      allowExitOnIdle: true,
      onConnect,
    },
    ensureDatabase: false,
  });
};
