/**
 * The queues at the size of a fleet: the cost of a round, the cost of a host, and the throughput, compared with bare
 * BullMQ in the same run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createPostgresBackend, createRedisBackend, type Queue, type Worker, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { jobName, queueName } from '../src/fleet/job.ts';
import { openRedis, type QueueBackend, queueBackend } from '../src/queue/backend.ts';
import { start } from '../test/harness/cli.ts';
import { testHost } from '../test/harness/host.ts';
import { ask, postgresServer, redisServer } from '../test/harness/servers.ts';
import { migrate, usageOf } from './processes.ts';
import { median, type Table } from './report.ts';
import { redisFigure } from './server-figures.ts';

/** Jobs to add in one call, as in the scheduler. */
const batchSize = 50;

interface Row {
  readonly queues: string;
  readonly hosts: number;
  [figure: string]: number | string;
}

interface Store {
  readonly kind: 'Redis' | 'PostgreSQL';
  readonly backend: QueueBackend;
  /** BullMQ's own classes, on the same kind of connection. */
  readonly bare: ReturnType<typeof bareOn>;
  /** The size of the store in bytes. */
  size(): Promise<number>;
  empty(): Promise<void>;
}

/** @param hosts.redis and hosts.postgres numbers of hosts to measure with on each store */
export async function measureQueues(options: {
  readonly redis: readonly number[];
  readonly postgres: readonly number[];
  readonly rounds: number;
  /** The duration of the scheduler's own measurement; 0: none. */
  readonly seconds: number;
}): Promise<Table> {
  const [postgres, redis] = [await postgresServer(), await redisServer()];
  const rows: Row[] = [];
  const last = (kind: Store['kind']): Row | undefined => rows.findLast(({ queues }) => queues === kind);
  try {
    await migrate({ DATABASE_URL: postgres.url });
    for (const kind of ['Redis', 'PostgreSQL'] as const) {
      const { store, close } = await openStore(kind, postgres.url, redis.url);
      try {
        const sizes = kind === 'Redis' ? options.redis : options.postgres;
        for (const hosts of sizes) {
          rows.push({
            queues: kind,
            hosts,
            ...(await measureRounds(store, hosts, options.rounds)),
            ...(await measureJobs(store, options.rounds)),
          });
        }
      } finally {
        await close();
      }
    }
    if (options.seconds > 0) {
      // In parallel, since they need little CPU; with fewer hosts the cost is lower.
      const other = Object.assign(new URL(postgres.url), { pathname: 'queues_on_redis' }).href;
      await ask(postgres.url, 'create database queues_on_redis');
      await migrate({ DATABASE_URL: other });
      await Promise.all([
        measureScheduler(last('PostgreSQL'), options.seconds, { DATABASE_URL: postgres.url }),
        measureScheduler(last('Redis'), options.seconds, { DATABASE_URL: other, REDIS_URL: redis.url }),
      ]);
    }
  } finally {
    await redis.remove();
    await postgres.remove();
  }
  return {
    name: 'queues',
    title: `The queues: a round (one job for each host) and jobs that do nothing, beside bare BullMQ, medians of ${options.rounds}${options.seconds > 0 ? `; the scheduler for ${options.seconds} s at 30 s` : ''}.`,
    rows,
  };
}

function bareOn<C>(factory: Parameters<typeof withBackend>[0], connection: C) {
  const { Queue, Worker } = withBackend(factory);
  return {
    queue: (name: string) => new Queue(name, { connection } as never) as unknown as Queue,
    worker: (name: string, run: () => Promise<unknown>) =>
      new Worker(name, run, { connection, autorun: false } as never) as unknown as Worker,
  };
}

async function openStore(
  kind: Store['kind'],
  databaseUrl: string,
  redisUrl: string,
): Promise<{ store: Store; close(): Promise<void> }> {
  const listener = { outage: (_: boolean, error?: unknown) => void (error && console.error(error)) };
  if (kind === 'Redis') {
    const redis = openRedis(redisUrl);
    redis.setMaxListeners(0);
    const backend = queueBackend({ redis, databaseUrl }, listener);
    const client = new Redis(redisUrl);
    return {
      store: {
        kind,
        backend,
        bare: bareOn(createRedisBackend as never, redis),
        size: async () => redisFigure(await client.info('memory'), 'used_memory'),
        empty: async () => void (await client.flushall()),
      },
      close: async () => {
        await backend.close();
        redis.disconnect();
        client.disconnect();
      },
    };
  }
  const backend = queueBackend({ redis: null, databaseUrl }, listener);
  await backend.prepare();
  // The address has options of its own, which would replace these.
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
  pool.on('connect', (client) => void client.query('set search_path to bullmq'));
  pool.setMaxListeners(0);
  const jobTables = `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'bullmq' and c.relkind = 'r' and c.relname !~ 'migration|schema|version'`;
  return {
    store: {
      kind,
      backend,
      bare: bareOn(createPostgresBackend as never, pool),
      size: async () => {
        const { rows } = await pool.query(
          `select sum(pg_total_relation_size(format('bullmq.%I', name)))::float8 as size from (${jobTables}) t`,
        );
        return rows[0].size;
      },
      empty: async () => {
        const { rows } = await pool.query(jobTables);
        await pool.query(`truncate ${rows.map(({ name }) => `bullmq."${name}"`).join(', ')}`);
      },
    },
    close: async () => {
      await backend.close();
      await pool.end();
    },
  };
}

const delayed = { delay: 3_600_000, deduplication: { id: 'schedule' } };
const dataOf = (host: number): object => ({ host_uuid: `host-${host}`, cause: 'schedule' });
const nameOf = (host: number): string => queueName(`host-${host}`);

/** Adds one job for each host to empty queues: as the scheduler does, and with a Queue object for each. */
async function measureRounds(store: Store, hosts: number, rounds: number): Promise<Record<string, number>> {
  const inBatches = async (add: (from: number, to: number) => Promise<unknown>): Promise<number> => {
    await store.empty();
    const started = performance.now();
    for (let from = 0; from < hosts; from += batchSize) await add(from, Math.min(hosts, from + batchSize));
    return performance.now() - started;
  };
  const each = <T>(from: number, to: number, make: (host: number) => T): T[] =>
    Array.from({ length: to - from }, (_, at) => make(from + at));
  const ours = (): Promise<number> =>
    inBatches((from, to) =>
      store.backend.addToMany(
        each(from, to, (host) => ({
          queue: nameOf(host),
          name: jobName,
          data: dataOf(host),
          options: delayed,
        })),
      ),
    );
  const queues = each(0, hosts, (host) => store.bare.queue(nameOf(host)));
  await Promise.all(queues.map((queue) => queue.waitUntilReady()));
  const bare = (): Promise<number> =>
    inBatches((from, to) =>
      Promise.all(queues.slice(from, to).map((queue, at) => queue.add(jobName, dataOf(from + at), delayed))),
    );
  const times = { ours: [] as number[], bare: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const found = { bare: await bare(), ours: await ours() };
    if (round === 0) continue;
    times.bare.push(found.bare);
    times.ours.push(found.ours);
  }
  // The size of a round that the scheduler has just added to an empty store.
  await store.empty();
  const before = await store.size();
  await ours();
  const size = (await store.size()) - before;
  await Promise.all(queues.map((queue) => queue.close()));
  return {
    'round ms': Math.round(median(times.ours)),
    'bare round ms': Math.round(median(times.bare)),
    'KB per host': Number((size / hosts / 1024).toFixed(1)),
  };
}

/** Empty jobs, added to one queue and processed: by the product's worker with its options, and by a bare one. */
async function measureJobs(store: Store, rounds: number): Promise<Record<string, number>> {
  const jobs = store.kind === 'Redis' ? 2_500 : 300;
  const through = async (name: string, queue: Pick<Queue, 'addBulk'>, worker: Worker): Promise<number> => {
    let done = 0;
    const finished = new Promise<void>((all) => {
      worker.on('completed', () => {
        done += 1;
        if (done === jobs) all();
      });
    });
    const started = performance.now();
    for (let at = 0; at < jobs; at += batchSize)
      await queue.addBulk(Array.from({ length: batchSize }, () => ({ name, data: dataOf(0) })));
    void worker.run();
    await finished;
    const seconds = (performance.now() - started) / 1000;
    await worker.close();
    return jobs / seconds;
  };
  await store.empty();
  const nothing = async (): Promise<null> => null;
  const times = { ours: [] as number[], bare: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const [bareName, ourName] = [`bare-${round}`, `ours-${round}`];
    const bareQueue = store.bare.queue(bareName);
    times.bare.push(await through(jobName, bareQueue, store.bare.worker(bareName, nothing)));
    await bareQueue.close();
    times.ours.push(
      await through(jobName, store.backend.queue(ourName), store.backend.worker(ourName, nothing)),
    );
  }
  return { 'jobs/s': Math.round(median(times.ours)), 'bare jobs/s': Math.round(median(times.bare)) };
}

/** The scheduler's process with a number of hosts. */
async function measureScheduler(
  row: Row | undefined,
  seconds: number,
  stores: { readonly DATABASE_URL: string; readonly REDIS_URL?: string },
): Promise<void> {
  if (row === undefined) return;
  const client = new pg.Client({ connectionString: stores.DATABASE_URL });
  const host = testHost();
  await client.connect();
  await client.query('truncate fleet_hosts');
  await client.query(
    `insert into fleet_hosts (host_uuid, interval_s) select 'host-' || n, 30 from generate_series(0, $1 - 1) n`,
    [row.hosts],
  );
  const scheduler = start([], host.env(stores), 'scheduler.ts');
  try {
    // Wait until it has started.
    await sleep(10_000);
    const pid = scheduler.child.pid ?? 0;
    const before = usageOf(pid);
    await sleep(seconds * 1000);
    const after = usageOf(pid);
    row['scheduler % of a core'] = Number(((100 * (after.cpu - before.cpu)) / seconds).toFixed(1));
    row['scheduler MB'] = Math.round(after.memory);
  } finally {
    scheduler.child.kill();
    await scheduler.finished;
    await client.end();
    host.remove();
  }
}
