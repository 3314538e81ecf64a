import type {
  BackendFactory,
  IQueueBackend,
  PostgresQueueBackend,
  RedisClient,
  RedisQueueBackend,
} from 'bullmq';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { measuredRead, tooLarge } from './measured-read.ts';

/** The maximum number of ids that a reader takes of one list. */
const maxListed = 1000;

/** The states whose jobs are in a list; those of the others are in a sorted set. */
const inLists = new Set(['wait', 'waiting', 'active', 'paused']);

type Ask = (command: string, key: string, ...more: readonly (string | number)[]) => Promise<unknown>;
type Texts = readonly string[];

/**
 * Limits what a reader takes from a queue in one answer: whoever may write the queue may write hundreds of megabytes.
 * Redis measures an answer and sends it in one step, so that it cannot be exchanged in between.
 * @param max bytes
 */
export const boundedRedis =
  <C>(
    redis: Redis,
    factory: BackendFactory<RedisQueueBackend, C>,
    max: number,
  ): BackendFactory<RedisQueueBackend, C> =>
  (...args) => {
    const ask: Ask = measuredRead(redis, max);
    const bound = (backend: RedisQueueBackend): RedisQueueBackend => {
      boundHashes(backend, ask);
      const forQueue = backend.forQueue.bind(backend);
      const repeat = backend.toKey('repeat');
      const list = (type: string, start: number, end: number, asc: boolean): Promise<unknown> => {
        const key = backend.toKey(type === 'waiting' ? 'wait' : type);
        const last = lastOf(start, end);
        if (!inLists.has(type)) return ask(asc ? 'zrange' : 'zrevrange', key, start, last);
        return asc ? ask('lrange', key, -(last + 1), -(start + 1)) : ask('lrange', key, start, last);
      };
      const ranges = async (types: Texts, start = 0, end = -1, asc = false): Promise<string[][]> =>
        (await Promise.all(types.map((type) => list(type, start, end, asc)))) as string[][];
      return Object.assign(backend, {
        forQueue: (...of: Parameters<typeof forQueue>) => bound(forQueue(...of) as RedisQueueBackend),
        getRanges: ranges as unknown as IQueueBackend['getRanges'],
        // BullMQ uses only the ids.
        getJobs: async (types: Texts, start?: number, end?: number, asc = false) =>
          (await ranges(types, start, end, asc)).map((ids, at) =>
            (asc && inLists.has(types[at] ?? '') ? ids.reverse() : ids).map((id): [string, string[]] => [
              id,
              [],
            ]),
          ),
        getJobSchedulersRange: (start: number, end: number, asc: boolean) =>
          ask(asc ? 'zrange' : 'zrevrange', repeat, start, lastOf(start, end), 'withscores') as Promise<
            string[]
          >,
        getJobScheduler: async (id: string): Promise<[unknown, string | null]> => {
          const score = await redis.zscore(repeat, id);
          return score === null ? [null, null] : [await ask('hgetall', `${repeat}:${id}`), score];
        },
        getJobLogs: async (id: string, start: number, end: number, asc: boolean) => {
          const key = backend.toKey(`${id}:logs`);
          const last = lastOf(start, end);
          const logs = (await (asc
            ? ask('lrange', key, start, last)
            : ask('lrange', key, -(last + 1), -(start + 1)))) as string[];
          return { logs: asc ? logs : logs.reverse(), count: await redis.llen(key) };
        },
        getMetrics: async (type: string, start = 0, end = -1): Promise<[string[], string[], number]> => {
          const key = backend.toKey(`metrics:${type}`);
          const [meta, data] = await Promise.all([
            ask('hmget', key, 'count', 'prevTS', 'prevCount'),
            ask('lrange', `${key}:data`, start, lastOf(start, end)),
          ]);
          return [meta as string[], data as string[], await redis.llen(`${key}:data`)];
        },
        // No job of this program has children.
        getDependencies: async () => ({}),
      });
    };
    return bound(factory(...args));
  };

/** The last index of a range, so that it has at most `maxListed` items. A negative end: all. */
const lastOf = (start: number, end: number): number => {
  const max = start + maxListed - 1;
  return end < 0 ? max : Math.min(end, max);
};

/** Replaces the reads of hashes (jobs, settings of the queue, schedules) of the client that a backend uses. */
function boundHashes(backend: RedisQueueBackend, ask: Ask): void {
  const { queue: context } = backend as unknown as { queue: { readonly client: Promise<RedisClient> } };
  const bounded: Readonly<Record<PropertyKey, unknown>> = {
    get: (key: string) => ask('get', key),
    hget: (key: string, field: string) => ask('hget', key, field),
    hmget: (key: string, ...fields: Texts) => ask('hmget', key, ...fields),
    hgetall: async (key: string) => {
      const flat = (await ask('hgetall', key)) as Texts;
      return Object.fromEntries(
        flat.flatMap((field, at) => (at % 2 === 0 ? [[field, flat[at + 1] ?? '']] : [])),
      );
    },
  };
  const client = async (): Promise<RedisClient> =>
    new Proxy(await backend.connection.client, {
      get: (real, key) => (Object.hasOwn(bounded, key) ? bounded[key] : Reflect.get(real, key, real)),
    });
  Object.defineProperty(context, 'client', { get: client });
}

/** On PostgreSQL the hosts trust one another: only jobs are measured. */
export const boundedPostgres =
  <C>(
    pool: pg.Pool,
    schema: string,
    factory: BackendFactory<PostgresQueueBackend, C>,
    max: number,
  ): BackendFactory<PostgresQueueBackend, C> =>
  (...args) => {
    const backend = factory(...args);
    const [queue] = args;
    const getJobData = backend.getJobData.bind(backend);
    const getRanges = backend.getRanges.bind(backend);
    return Object.assign(backend, {
      getRanges: (types: Parameters<typeof getRanges>[0], start = 0, end = -1, asc = false) =>
        getRanges(types, start, lastOf(start, end), asc),
      getJobData: async (id: string) => {
        const { rows } = await pool.query<{ size: number }>(
          `select octet_length(job::text) as size from ${schema}.job as job where queue = $1 and id = $2`,
          [queue, id],
        );
        const size = rows[0]?.size ?? 0;
        if (size > max) throw tooLarge(size, max);
        return getJobData(id);
      },
    });
  };
