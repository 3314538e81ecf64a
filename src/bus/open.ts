import type { Redis } from 'ioredis';
import type { Log } from '../lib/log.ts';
import type { Bus } from '../pass/announce.ts';
import { bestEffort } from './best-effort.ts';
import { busSocket, decnetTransport } from './decnet.ts';
import { postgresTransport } from './postgres.ts';
import { redisTransport } from './redis.ts';

export interface BusSettings {
  /** Between the hosts: a connection that is open anyway, or the database. */
  readonly redis: Redis | null;
  readonly databaseUrl: string;
  /** Null: DECNET's own bus is not wanted. `path`: as configured. */
  readonly decnet: { readonly path: string | null } | null;
}

/** The transports of this host: one between the hosts, and DECNET's own, which may come and go. */
export function openBus({ redis, databaseUrl, decnet }: BusSettings, log: Log): Bus {
  const between = redis === null ? postgresTransport(databaseUrl) : redisTransport(redis);
  return bestEffort(decnet === null ? [between] : [between, decnetTransport(busSocket(decnet.path))], log);
}
