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

/** Milliseconds to wait for a connection; beyond it the database does not answer. */
const connectWithinMs = 5000;
/** Milliseconds for one statement: far more than the largest fleet needs, far less than for ever. */
const answerWithinMs = 60_000;
/** Milliseconds for the connections of the migrations to end. */
const closeWithinMs = 5000;
/** Milliseconds after which an idle connection is given back. */
const idleAfterMs = 5000;

const kyselyOf = (em: EntityManager): Kysely<unknown> => em.getKysely() as unknown as Kysely<unknown>;

const unknownConnections = (): Connections => ({ schema: null, path: safestPath, pooled: false });

/** Connects at the first query, not here. */
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
  /** Where the tables are: known from the first connection on. */
  const schema = async (): Promise<string> => {
    if (connections.schema === null) await orm.em.getConnection().execute('select');
    return connections.schema ?? 'public';
  };
  const transaction: Database['transaction'] = (work, { readOnly = false, snapshot = false } = {}) =>
    run(async () => {
      const where = await schema();
      // Kysely's own: of MikroORM's it keeps the connection for ever when that is lost before the end.
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
        // On a lost connection the rollback fails, too, and would hide why.
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
      // Loaded for those who migrate alone: a worker on a small host need not pay for it.
      const { runMigrations } = await import('./migrations/migrator.ts');
      await makeLocks(transaction);
      // The lock is held in a transaction of its own, so that it also works through PgBouncer in transaction mode.
      return transaction(async (lock) => {
        await query(lock, `select from fleet_locks where name = 'migrations' for update`);
        // MikroORM's own statements name no schema; none of them uses an operator or a function that could be another's.
        const migrating = await connect(url, 2, async (client) => {
          if (!connections.pooled)
            await client.query(`set search_path to pg_catalog, ${lock.schema}, pg_temp`);
        });
        try {
          const names = await runMigrations(migrating, lock.schema, upTo);
          if (upTo === undefined) await applyRights(lock);
          return names;
        } finally {
          // A connection that was lost in a migration is never given back.
          await endsWithin(closeWithinMs, migrating.close(true));
        }
      });
    },
    close: async () => {
      // Kysely never gives back a connection that it gets while it closes, and its pool then never ends.
      while (underway.size > 0) await Promise.allSettled(underway);
      await orm.close(true);
    },
  };
}

/** @param onConnect called with each new connection */
const connect = (
  url: string,
  poolMax: number,
  onConnect: (client: ClientBase) => Promise<void>,
): Promise<MikroORM> => {
  const options = connectionOptions(url, { applicationName });
  return MikroORM.init({
    // Of an address it would take host, port, user, password and name alone.
    dbName: options.database ?? '',
    entities,
    // The policies, and the tables that only functions and locks use, are the migrations' alone.
    schemaGenerator: {
      skipTables: ['fleet_grants', 'fleet_masters', 'fleet_locks', 'fleet_limits', 'fleet_migrations'],
      ignorePolicies: true,
    },
    // stdout belongs to the commands.
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
