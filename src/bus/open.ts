import type { Redis } from 'ioredis';
import type { Log } from '../log.ts';
import type { Bus } from '../pass/announce.ts';
import { busSocket, decnetTransport } from './decnet.ts';
import { postgresTransport } from './postgres.ts';
import { redisTransport } from './redis.ts';
import type { Transport } from './transport.ts';

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
  return courteous(decnet === null ? [between] : [between, decnetTransport(busSocket(decnet.path))], log);
}

/** A message is a courtesy: a failure is logged once, until it works again, and never reaches the pass. */
export function courteous(transports: readonly Transport[], log: Log): Bus {
  const silent = new Set<Transport>();
  return {
    publish: (messages) => {
      for (const transport of transports) {
        for (const message of messages) {
          transport.publish(message).then(
            () => silent.delete(transport),
            (error: unknown) => {
              if (silent.has(transport)) return;
              silent.add(transport);
              log.warn({ transport: transport.name, topic: message.topic, error }, 'message not sent');
            },
          );
        }
      }
    },
    subscribe: (topic, receive) => {
      for (const transport of transports)
        transport.subscribe(topic, (payload) => receive(payload, transport.scope));
    },
    close: async () => {
      await Promise.all(transports.map((transport) => transport.close()));
    },
  };
}
