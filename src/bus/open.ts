import type { Redis } from 'ioredis';
import type { Log } from '../lib/log.ts';
import type { Bus } from '../pass/announce.ts';
import { bestEffort } from './best-effort.ts';
import { busSocket, decnetTransport } from './decnet.ts';
import { postgresTransport } from './postgres.ts';
import { redisTransport } from './redis.ts';

export interface BusSettings {
  /** The connection for messages between hosts, shared with the queues; null: the database is used. */
  readonly redis: Redis | null;
  readonly databaseUrl: string;
  /** Null: DECNET's own bus is disabled. `path`: the configured path; null: the default. */
  readonly decnet: { readonly path: string | null } | null;
}

/** Opens the bus: one transport between the hosts, and DECNET's own bus on this host if it is enabled. */
export function openBus({ redis, databaseUrl, decnet }: BusSettings, log: Log): Bus {
  const between = redis === null ? postgresTransport(databaseUrl) : redisTransport(redis);
  return bestEffort(decnet === null ? [between] : [between, decnetTransport(busSocket(decnet.path))], log);
}
