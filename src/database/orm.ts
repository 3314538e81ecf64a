import type { Migrator } from '@mikro-orm/migrations';
import { type EntityManager, IsolationLevel, MikroORM } from '@mikro-orm/postgresql';
import { type Kysely, sql } from 'kysely';
import { applicationName } from './application-name.ts';
import { databaseFault } from './faults.ts';
import { FleetAlarm } from './fleet-alarm.ts';
import { FleetDecky } from './fleet-decky.ts';
import { FleetGap } from './fleet-gap.ts';
import { FleetHost } from './fleet-host.ts';
import { FleetNotification } from './fleet-notification.ts';
import { FleetTransition } from './fleet-transition.ts';
import { type Db, query } from './query.ts';

/** Milliseconds to wait for a connection; beyond it the database does not answer. */
const connectWithin = 5000;
/** Milliseconds for one statement: far more than the largest fleet needs, far less than for ever. */
const answerWithin = 60_000;
/** Milliseconds after which an idle connection is given back. */
const idleAfter = 5000;

/** Any number that no other program of this database takes an advisory lock on. */
const migrationLock = 7_264_310_501;

/** Runs one statement. */
export type Query = <R>(statement: string, values?: readonly unknown[]) => Promise<readonly R[]>;

export interface Database {
  readonly orm: MikroORM;
  readonly url: string;
  /** Runs something on the database; what fails is thrown as people read it. @throws FleetError */
  run<T>(work: (orm: MikroORM) => Promise<T>): Promise<T>;
  /** One statement by itself. @throws FleetError */
  readonly query: Query;
  /**
   * All that some work reads, one statement after the other, is of one moment: what is committed meanwhile does not show.
   * @throws FleetError
   */
  snapshot<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** Names of the migrations that are still to run. */
  pending(): Promise<readonly string[]>;
  /** Brings the schema up to date, while no other process does. @returns the names of what it ran */
  migrate(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const queryOn =
  (em: EntityManager): Query =>
  (statement, values = []) =>
    query(em.getKysely() as unknown as Db, statement, values);

/** Connects at the first query, not here. */
export async function openDatabase(url: string, options: { poolMax?: number } = {}): Promise<Database> {
  const orm = await MikroORM.init({
    clientUrl: url,
    entities: [FleetDecky, FleetHost, FleetTransition, FleetGap, FleetAlarm, FleetNotification],
    // The policies, and the table that only their function reads, are the migrations' alone.
    schemaGenerator: { skipTables: ['fleet_grants', 'fleet_migrations'], ignorePolicies: true },
    // stdout belongs to the commands.
    logger: () => undefined,
    pool: { min: 0, max: options.poolMax ?? 4, idleTimeoutMillis: idleAfter },
    driverOptions: {
      application_name: applicationName,
      connectionTimeoutMillis: connectWithin,
      query_timeout: answerWithin,
      keepAlive: true,
      allowExitOnIdle: true,
    },
    ensureDatabase: false,
  });
  const run = async <T>(work: (orm: MikroORM) => Promise<T>): Promise<T> => {
    try {
      return await work(orm);
    } catch (error) {
      throw databaseFault(error, url);
    }
  };
  return {
    orm,
    url,
    run,
    query: (statement, values) => run(() => queryOn(orm.em.fork())(statement, values)),
    snapshot: (work) =>
      run(() =>
        orm.em.fork().transactional((em) => work(queryOn(em)), {
          isolationLevel: IsolationLevel.REPEATABLE_READ,
          readOnly: true,
        }),
      ),
    pending: () => run(async () => (await (await migrator(orm)).getPending()).map(({ name }) => name)),
    migrate: () =>
      run(() =>
        // Held in a transaction of its own, so that it also works through PgBouncer in transaction mode.
        orm.em.fork().transactional(async (lock) => {
          const db = lock.getKysely() as unknown as Kysely<unknown>;
          await sql`select pg_advisory_xact_lock(${migrationLock})`.execute(db);
          return (await (await migrator(orm)).up()).map(({ name }) => name);
        }),
      ),
    close: () => orm.close(true),
  };
}

/** Loaded for those who migrate alone: a worker on a small host need not pay for it. */
const migrator = async (orm: MikroORM): Promise<Migrator> =>
  (await import('./migrations/migrator.ts')).migratorOf(orm);
