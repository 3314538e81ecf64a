import {
  assertSchemaCompatibility,
  type BackendFactory,
  createPostgresBackend,
  createRedisBackend,
  type FlowProducer,
  type IQueueBackend,
  type Job,
  type JobsOptions,
  type PostgresConnectionOptions,
  type Queue,
  runMigrations,
  type Telemetry,
  type Worker,
  withBackend,
} from 'bullmq';
import type { Redis } from 'ioredis';
import pg from 'pg';
import { mayServe } from '../fleet/grant.ts';
import { connectionOptions, databaseLocation } from '../lib/database-address.ts';
import { reasonOf } from '../lib/errors.ts';
import { withinLimit } from '../lib/within-limit.ts';
import { boundedPostgres, boundedRedis } from './bounded.ts';
import { queueFault } from './fault.ts';
import { impatient } from './impatient.ts';
import { withCorrectedTimes } from './lock-times.ts';
import { eventsKept, jobDefaults, workerOptions } from './options.ts';
import { type BackendListener, type Emitter, type Outage, outageWatch, probeEveryMs } from './outage.ts';
import { patient } from './patient.ts';
import { answered, connectionLocation, connectWithinMs } from './redis.ts';
import { postgresSettings, redisSettings, requireFit, type StoreSettings } from './settings.ts';
import { countSigns, removeSigns, signsOfLife } from './signs.ts';

export { openRedis } from './redis.ts';

/** BullMQ bound to one store. No other file depends on the kind of the store. */
export interface QueueBackend {
  readonly kind: 'redis' | 'postgres';
  /** The address of the store, for messages. */
  readonly location: string;
  queue(name: string): Queue;
  /**
   * A queue for readers. Its calls, and those of its jobs, fail when the store does not answer within 3 s, and when the answer
   * is larger than 1 MB.
   */
  impatientQueue(name: string): Queue;
  /** The same for a process that waits for the result of a job, which may have 16 MB: a plan names each change. */
  awaitedQueue(name: string): Queue;
  /** Adds jobs to many queues without a Queue object for each: ten thousand of them need 60 MB. */
  addToMany(jobs: readonly QueuedJob[]): Promise<void>;
  worker(name: string, run: (job: Job, token?: string, signal?: AbortSignal) => Promise<unknown>): Worker;
  /** The number of workers that consume a queue. */
  countWorkers(name: string): Promise<number>;
  /** Removes a queue with all its jobs. */
  obliterate(name: string): Promise<void>;
  /** Creates BullMQ's tables in PostgreSQL; with Redis, only if possible. It is safe to run it repeatedly and concurrently. */
  prepare(): Promise<void>;
  /** Waits for what one of its queues answers, with a time limit. @throws FleetError QUEUE_UNREACHABLE */
  answer<T>(ask: () => Promise<T>): Promise<T>;
  /** Checks that the store answers and is ready. @throws FleetError QUEUE_UNREACHABLE, SCHEMA_MISSING */
  check(): Promise<void>;
  /** Calls the listener after each outage. The store may be empty then. */
  onRecovered(listener: () => void): void;
  /** The store's clock, in epoch milliseconds. */
  now(): Promise<number>;
  /** The settings of the store, for `doctor`. */
  settings(): Promise<StoreSettings>;
  close(): Promise<void>;
}

export interface QueuedJob {
  readonly queue: string;
  readonly name: string;
  readonly data: unknown;
  readonly options: Pick<JobsOptions, 'delay' | 'jobId'> & { readonly deduplication?: { id: string } };
}

const schema = 'bullmq';

/** The largest job, list or other answer that is read of a queue, in bytes. */
const maxBytes = { impatient: 1_000_000, awaited: 16_000_000 };

/**
 * @param telemetry records traces; null: none
 * @param stores.redis a connection of `openRedis`, closed by the caller; null: the queues are in the database
 */
export function queueBackend(
  stores: { redis: Redis | null; databaseUrl: string },
  listener: BackendListener,
  telemetry: Telemetry | null = null,
): QueueBackend {
  const outage = outageWatch(listener);
  return stores.redis === null
    ? onPostgres(stores.databaseUrl, outage, telemetry)
    : onRedis(stores.redis, stores.databaseUrl, outage, telemetry);
}

function onRedis(
  connection: Redis,
  databaseUrl: string,
  outage: Outage,
  telemetry: Telemetry | null,
): QueueBackend {
  outage.watch(connection);
  const location = connectionLocation(connection);
  const answer = <T>(ask: () => Promise<T>): Promise<T> =>
    answered(connection, ask).catch((error: unknown) => {
      throw queueFault(location, error);
    });
  const { db = 0 } = connection.options;
  const readers = (max: number) => boundedRedis(connection, patient(createRedisBackend), max);
  const bound = bind(createRedisBackend, readers, connection, outage, telemetry);
  outage.probeWith(async () => {
    // Write to a queue of this process: the Redis user may not be allowed to write other keys.
    const [queue] = bound.opened();
    if (queue !== undefined) await connection.set(queue.toKey('probe'), '1', 'PX', probeEveryMs);
    else await connection.ping();
  });
  return {
    ...bound,
    kind: 'redis',
    worker: (name, run) => {
      const made = bound.worker(name, run);
      const signs = signsOfLife(connection, made.toKey(''));
      made.once('closed', () => signs.close());
      return made;
    },
    countWorkers: async (name) => {
      // Redis lists the clients of the whole server. Skip those of other logical databases.
      const queue = bound.queue(name);
      const workers = await queue.getWorkers().catch((error: unknown) => {
        if (reasonOf(error).includes('NOPERM')) return null;
        throw error;
      });
      // When CLIENT LIST is renamed, BullMQ returns a placeholder worker without an address.
      if (workers === null || workers.some(({ addr }) => addr === undefined))
        return countSigns(connection, queue.toKey(''));
      return workers.filter((worker) => Number(worker.db ?? db) === db && mayServe(worker.user ?? '', name))
        .length;
    },
    obliterate: async (name) => {
      await bound.obliterate(name);
      await removeSigns(connection, bound.queue(name).toKey(''));
    },
    location,
    answer,
    // For processes without REDIS_URL. Ignore errors: through a connection pooler the tables can be neither created nor used.
    prepare: () => preparePostgres(databaseUrl).catch(() => undefined),
    check: async () => {
      await answer(() => connection.ping());
      await answer(() => requireFit(connection, location));
    },
    now: async () => {
      const [seconds = 0, microseconds = 0] = (await answer(() => connection.time())).map(Number);
      return seconds * 1000 + microseconds / 1000;
    },
    settings: () => redisSettings(connection, location),
  };
}

function onPostgres(url: string, outage: Outage, telemetry: Telemetry | null): QueueBackend {
  const location = databaseLocation(url);
  // Every Worker uses one connection for LISTEN, and hangs silently when the pool has none left.
  const pool = new pg.Pool({
    ...connectionOptions(url, { searchPath: schema }),
    max: 10,
    keepAlive: true,
    idleTimeoutMillis: 5000,
    connectionTimeoutMillis: connectWithinMs,
  });
  pool.setMaxListeners(0);
  outage.watch(pool);
  // pg-pool removes its error listener while a client is in use; without a listener an error ends the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const readers = (max: number) => boundedPostgres(pool, schema, patient(createPostgresBackend), max);
  const backend = withCorrectedTimes(pool, schema, workerOptions.lockDuration, createPostgresBackend);
  const bound = bind(backend, readers, pool as unknown as PostgresConnectionOptions, outage, telemetry);
  outage.probeWith(() => withClient(url, (client) => assertSchemaCompatibility(client, schema)));
  return {
    ...bound,
    kind: 'postgres',
    countWorkers: (name) => bound.queue(name).getWorkersCount(),
    location,
    answer: (ask) =>
      withinLimit(ask).catch((error: unknown) => {
        throw queueFault(location, error);
      }),
    prepare: () => preparePostgres(url),
    check: () => withClient(url, (client) => assertSchemaCompatibility(client, schema)),
    now: async () => {
      const ask = 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now';
      return (await withinLimit(() => pool.query<{ now: number }>(ask))).rows[0]?.now ?? Number.NaN;
    },
    settings: () => postgresSettings(pool, location),
    close: async () => {
      await bound.close();
      await pool.end();
    },
  };
}

const preparePostgres = (url: string): Promise<void> =>
  withClient(url, (client) => runMigrations(client, schema));

/** Uses a separate connection: a missing schema must not leave the pool with a broken LISTEN. */
async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ ...connectionOptions(url), connectionTimeoutMillis: connectWithinMs });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await withinLimit(() => work(client));
  } catch (error) {
    throw queueFault(databaseLocation(url), error);
  } finally {
    client.end().catch(() => undefined);
  }
}

function bind<B extends IQueueBackend, C>(
  factory: BackendFactory<B, C>,
  readers: (maxBytes: number) => BackendFactory<B, C>,
  connection: C,
  { watch, onRecovered, close: stopProbing }: Outage,
  telemetry: Telemetry | null,
): Omit<
  QueueBackend,
  'kind' | 'location' | 'answer' | 'countWorkers' | 'prepare' | 'check' | 'now' | 'settings'
> & {
  opened(): readonly Queue[];
} {
  const { Queue, Worker, FlowProducer } = withBackend(patient(factory));
  const open = new Map<string, Queue>();
  let adder: FlowProducer | null = null;
  const closers = new Set<{ close(): Promise<void> }>();
  const opened = <T extends Emitter & { close(): Promise<void> }>(made: T): T => {
    closers.add(made);
    return watch(made);
  };
  const traced = telemetry === null ? {} : { telemetry };
  const queueOptions = {
    connection,
    ...traced,
    streams: { events: { maxLen: eventsKept } },
    defaultJobOptions: jobDefaults,
  };
  const kept = (among: Map<string, Queue>, name: string, make: () => Queue): Queue => {
    const queue = among.get(name) ?? opened(make());
    among.set(name, queue);
    return queue;
  };
  const queue = (name: string): Queue =>
    kept(open, name, () => new Queue(name, queueOptions) as unknown as Queue);
  const forReaders = (max: number) => {
    const { Queue: Reader } = withBackend(impatient(readers(max)));
    const among = new Map<string, Queue>();
    return (name: string): Queue =>
      kept(among, name, () => new Reader(name, queueOptions) as unknown as Queue);
  };
  return {
    onRecovered,
    opened: () => [...open.values()],
    queue,
    obliterate: (name) => queue(name).obliterate({ force: true }),
    impatientQueue: forReaders(maxBytes.impatient),
    awaitedQueue: forReaders(maxBytes.awaited),
    addToMany: async (jobs) => {
      adder ??= opened(new FlowProducer({ connection, ...traced }) as unknown as FlowProducer);
      await adder.addBulk(
        jobs.map(({ queue, name, data, options }) => ({
          queueName: queue,
          name,
          data,
          opts: { ...jobDefaults, ...options },
        })),
      );
    },
    worker: (name, run) =>
      opened(
        new Worker(name, run, {
          ...workerOptions,
          ...traced,
          connection,
          autorun: false,
        }) as unknown as Worker,
      ),
    close: async () => {
      stopProbing();
      await Promise.allSettled([...closers].map((one) => one.close()));
    },
  };
}
