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
  type QueueEvents,
  runMigrations,
  SchemaMigrationRequiredError,
  SchemaVersionMismatchError,
  type Worker,
  withBackend,
} from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { mayServe } from '../fleet/grant.ts';
import { connectionOptions, databasePlace } from '../lib/database-address.ts';
import { databaseRefusal } from '../lib/database-faults.ts';
import { FleetError, reasonOf } from '../lib/errors.ts';
import { withinLimit } from '../lib/within-limit.ts';
import { impatient } from './impatient.ts';
import { type BackendListener, type Emitter, type Outage, outageWatch, probeEvery } from './outage.ts';
import { patient } from './patient.ts';
import { postgresSettings, redisSettings, type StoreSettings } from './settings.ts';
import { countSigns, removeSigns, signsOfLife } from './signs.ts';

/** BullMQ bound to one store: no other file knows which one it is. */
export interface QueueBackend {
  readonly kind: 'redis' | 'postgres';
  /** Where the store is, for people. */
  readonly place: string;
  queue(name: string): Queue;
  /** For readers: the calls of it and of its jobs fail where the store does not answer within 3 s. */
  impatientQueue(name: string): Queue;
  /** Adds jobs to many queues at once, without an object for each: ten thousand of them would be 60 MB. */
  addToMany(jobs: readonly QueuedJob[]): Promise<void>;
  worker(name: string, run: (job: Job) => Promise<unknown>): Worker;
  /** Holds a connection until it is released. */
  events(name: string): QueueEvents;
  release(events: QueueEvents): Promise<void>;
  /** How many workers consume a queue now. */
  countWorkers(name: string): Promise<number>;
  /** Removes a queue with all that is in it. */
  obliterate(name: string): Promise<void>;
  /** Makes BullMQ's tables in PostgreSQL, on Redis as well as may be. Safe to run twice, and from two places at once. */
  prepare(): Promise<void>;
  /** Whether the store answers and is ready. @throws FleetError QUEUE_UNREACHABLE, SCHEMA_MISSING */
  check(): Promise<void>;
  /** Told each time when the store is back after an outage: it may be empty then. */
  onRecovered(listener: () => void): void;
  /** The store's own time, epoch milliseconds. */
  now(): Promise<number>;
  /** How the store is set, for `doctor`. */
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
/** Milliseconds within which the store takes a connection, else it does not answer. */
const connectWithinMs = 5000;

/** A worker that was killed holds its queue for two of its stalled checks. @see CONTRACT.md, "The queue" */
const workerOptions = {
  concurrency: 1,
  lockDuration: 5000,
  stalledInterval: 5000,
  maxStalledCount: 3,
  runRetryDelay: 1000,
  removeOnComplete: { count: 50, age: 24 * 3600 },
  removeOnFail: { count: 100, age: 7 * 24 * 3600 },
} as const;

const jobDefaults = {
  attempts: 1,
  removeOnComplete: workerOptions.removeOnComplete,
  removeOnFail: workerOptions.removeOnFail,
} as const;

/** Length of BullMQ's event stream of a queue on Redis: its default of 10,000 is about 1 MB for each host. */
const eventsKept = 100;

/** @param stores.redis null: the queues live in the database; else a connection of `openRedis`, whose opener closes it */
export function queueBackend(
  stores: { redis: Redis | null; databaseUrl: string },
  listener: BackendListener,
): QueueBackend {
  const outage = outageWatch(listener);
  return stores.redis === null
    ? onPostgres(stores.databaseUrl, outage)
    : onRedis(stores.redis, stores.databaseUrl, outage);
}

/** One connection for all that does not block. Connects when it is first used. */
export const openRedis = (url: string): Redis =>
  new Redis(url, {
    maxRetriesPerRequest: null,
    connectTimeout: connectWithinMs,
    lazyConnect: true,
    retryStrategy: (tries) => Math.min(tries * 100, 1000),
    // A server that became a replica keeps its connections: behind its name there is another one by now.
    reconnectOnError: ({ message }) => (/^(READONLY|UNBLOCKED)/.test(message) ? 2 : false),
  });

function onRedis(connection: Redis, databaseUrl: string, outage: Outage): QueueBackend {
  outage.watch(connection);
  const { host = '', port = '', db = 0 } = connection.options;
  const place = `redis://${host}:${port}/${db}`;
  const bound = bind(createRedisBackend, connection, outage);
  outage.probeWith(async () => {
    // In a queue of this process: its user may be allowed to write no other key.
    const [queue] = bound.opened();
    if (queue !== undefined) await connection.set(queue.toKey('probe'), '1', 'PX', probeEvery);
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
      // Redis lists the clients of the whole server: the workers of another logical database are not ours.
      const queue = bound.queue(name);
      const workers = await queue.getWorkers().catch((error: unknown) => {
        if (reasonOf(error).includes('NOPERM')) return null;
        throw error;
      });
      // Where CLIENT LIST is renamed, BullMQ puts a worker of its own invention into its place.
      if (workers === null || workers.some(({ addr }) => addr === undefined))
        return countSigns(connection, queue.toKey(''));
      return workers.filter((worker) => Number(worker.db ?? db) === db && mayServe(worker.user ?? '', name))
        .length;
    },
    obliterate: async (name) => {
      await bound.obliterate(name);
      await removeSigns(connection, bound.queue(name).toKey(''));
    },
    place,
    // For a process without REDIS_URL. Through a pooler they cannot be made, nor used.
    prepare: () => preparePostgres(databaseUrl).catch(() => undefined),
    check: async () => {
      await withinLimit(() => connection.ping()).catch((error: unknown) => {
        throw queueFault(place, error);
      });
    },
    now: async () => {
      const [seconds = 0, microseconds = 0] = (await withinLimit(() => connection.time())).map(Number);
      return seconds * 1000 + microseconds / 1000;
    },
    settings: () => redisSettings(connection, place),
  };
}

function onPostgres(url: string, outage: Outage): QueueBackend {
  const place = databasePlace(url);
  // Every Worker and QueueEvents keeps one of these for LISTEN, and hangs silently when there is none left.
  const pool = new pg.Pool({
    ...connectionOptions(url, { searchPath: schema }),
    max: 10,
    keepAlive: true,
    idleTimeoutMillis: 5000,
    connectionTimeoutMillis: connectWithinMs,
  });
  pool.setMaxListeners(0);
  outage.watch(pool);
  // pg-pool takes its own listener off a client that is in use: an error then would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const bound = bind(createPostgresBackend, pool as unknown as PostgresConnectionOptions, outage);
  outage.probeWith(() => withClient(url, (client) => assertSchemaCompatibility(client, schema)));
  return {
    ...bound,
    kind: 'postgres',
    countWorkers: (name) => bound.queue(name).getWorkersCount(),
    place,
    prepare: () => preparePostgres(url),
    check: () => withClient(url, (client) => assertSchemaCompatibility(client, schema)),
    now: async () => {
      const ask = 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now';
      return (await withinLimit(() => pool.query<{ now: number }>(ask))).rows[0]?.now ?? Number.NaN;
    },
    settings: () => postgresSettings(pool, place),
    close: async () => {
      await bound.close();
      await pool.end();
    },
  };
}

const preparePostgres = (url: string): Promise<void> =>
  withClient(url, (client) => runMigrations(client, schema));

/** Not from the pool: a schema that is missing must not leave it with a broken LISTEN. */
async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ ...connectionOptions(url), connectionTimeoutMillis: connectWithinMs });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await withinLimit(() => work(client));
  } catch (error) {
    throw queueFault(databasePlace(url), error);
  } finally {
    client.end().catch(() => undefined);
  }
}

function bind<B extends IQueueBackend, C>(
  factory: BackendFactory<B, C>,
  connection: C,
  { watch, onRecovered, close: stopProbing }: Outage,
): Omit<QueueBackend, 'kind' | 'place' | 'countWorkers' | 'prepare' | 'check' | 'now' | 'settings'> & {
  opened(): readonly Queue[];
} {
  const { Queue, Worker, QueueEvents, FlowProducer } = withBackend(patient(factory));
  const { Queue: ImpatientQueue } = withBackend(impatient(patient(factory)));
  const open = new Map<string, Queue>();
  const openImpatient = new Map<string, Queue>();
  let adder: FlowProducer | null = null;
  const closers = new Set<{ close(): Promise<void> }>();
  const opened = <T extends Emitter & { close(): Promise<void> }>(made: T): T => {
    closers.add(made);
    return watch(made);
  };
  const queueOptions = {
    connection,
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
  return {
    onRecovered,
    opened: () => [...open.values()],
    queue,
    obliterate: (name) => queue(name).obliterate({ force: true }),
    impatientQueue: (name) =>
      kept(openImpatient, name, () => new ImpatientQueue(name, queueOptions) as unknown as Queue),
    addToMany: async (jobs) => {
      adder ??= opened(new FlowProducer({ connection }) as unknown as FlowProducer);
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
      opened(new Worker(name, run, { ...workerOptions, connection, autorun: false }) as unknown as Worker),
    events: (name) => opened(new QueueEvents(name, { connection }) as unknown as QueueEvents),
    release: async (events) => {
      closers.delete(events);
      await events.close();
    },
    close: async () => {
      stopProbing();
      await Promise.allSettled([...closers].map((one) => one.close()));
    },
  };
}

/** What a failed call of the store means to a person. */
export const queueFault = (place: string, error: unknown): FleetError =>
  error instanceof SchemaMigrationRequiredError || error instanceof SchemaVersionMismatchError
    ? new FleetError('SCHEMA_MISSING', `The queues at ${place} lack this version's tables`, {
        advice: 'Run `decnet-fleet migrate`',
        cause: error,
      })
    : (databaseRefusal(error, place) ??
      new FleetError('QUEUE_UNREACHABLE', `The queues at ${place} do not answer: ${reasonOf(error)}`, {
        advice: 'Check REDIS_URL, or without it DATABASE_URL, and that the server runs there',
        cause: error,
      }));
