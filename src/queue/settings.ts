import type { Redis } from 'ioredis';
import type pg from 'pg';
import { FleetError } from '../lib/errors.ts';
import { capital } from '../lib/text.ts';

/** The settings of a store of queues, for `doctor`. */
export interface StoreSettings {
  readonly text: string;
  /** Settings that break the queues, each with advice. */
  readonly faults: readonly string[];
  /** Other remarks for the operator. */
  readonly notes: readonly string[];
}

/** The maximum number of connections of one worker. */
const perWorker = { redis: 3, postgres: 6 };

type Info = (key: string) => string;

async function infoOf(redis: Redis): Promise<Info> {
  const info = await redis.info();
  return (key) => new RegExp(`^${key}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
}

/** What makes a server unusable for the queues, each with advice. */
const unfit = (value: Info): readonly { readonly what: string; readonly advice: string }[] =>
  [
    {
      holds: value('redis_mode') === 'sentinel',
      what: 'it is a Sentinel',
      advice: 'name it as redis+sentinel://HOST:PORT/MASTER/0',
    },
    {
      holds: value('cluster_enabled') === '1',
      what: 'it is a node of a Redis Cluster, which is not supported',
      advice: 'use a single Redis, or one with Sentinels. See docs/redis.md',
    },
    {
      holds: value('role') === 'slave',
      what: 'it is a read-only replica',
      advice: `point REDIS_URL at its master (${value('master_host')}:${value('master_port')}), or at the Sentinels`,
    },
  ].filter(({ holds }) => holds);

/** Checks that a server can have queues. @throws FleetError CONFIG_INVALID, QUEUE_UNREACHABLE for a replica */
export async function requireFit(redis: Redis, location: string): Promise<void> {
  const [first] = unfit(await infoOf(redis));
  if (first === undefined) return;
  // A replica may become the master again.
  const code = first.what.includes('replica') ? 'QUEUE_UNREACHABLE' : 'CONFIG_INVALID';
  throw new FleetError(code, `The queues cannot be in the Redis at ${location}: ${first.what}`, {
    advice: capital(first.advice),
  });
}

export async function redisSettings(redis: Redis, location: string): Promise<StoreSettings> {
  const info = await redis.info();
  const value = (key: string): string => new RegExp(`^${key}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const policy = value('maxmemory_policy');
  const clients = Number(value('maxclients')) || 10_000;
  return {
    text: `Redis ${value('redis_version')} at ${location}; room for about ${Math.floor(clients / perWorker.redis)} workers (maxclients ${clients})`,
    faults: [
      ...unfit(value).map(({ what, advice }) => `${what}: ${advice}`),
      ...(policy === 'noeviction' || policy === ''
        ? []
        : [`maxmemory-policy is ${policy}: Redis may drop jobs. Set it to noeviction`]),
    ],
    notes:
      value('aof_enabled') === '1' || (value('rdb_last_bgsave_status') === 'ok' && value('rdb_saves') !== '0')
        ? []
        : [
            'nothing has been saved to disk yet: a restart would empty the queues; they are restored within 30 s',
          ],
  };
}

export async function postgresSettings(pool: pg.Pool, location: string): Promise<StoreSettings> {
  const { rows } = await pool.query<{ max: number; used: number; version: string }>(
    `select current_setting('max_connections')::int as max, current_setting('server_version') as version,
       (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used`,
  );
  const { max = 0, used = 0, version = '' } = rows[0] ?? {};
  const room = Math.max(0, Math.floor((max - used) / perWorker.postgres));
  const text = `PostgreSQL ${version} at ${location}; room for about ${room} more workers (max_connections ${max}, ${used} in use)`;
  return {
    text,
    faults: room === 0 ? [`${text}: raise max_connections, or set REDIS_URL`] : [],
    notes: [],
  };
}
