import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { connectionOptions } from '../lib/database-address.ts';
import { isObject } from '../lib/json.ts';
import { oneByOne } from '../lib/one-by-one.ts';
import { envelope, payloadOf, type Transport } from './transport.ts';

/** One channel for all topics: topics are longer than PostgreSQL allows for channel names. @see CONTRACT.md, "The bus" */
const channel = 'decnet_fleet';
const retryAfterMs = 1000;
/** All names are schema-qualified: this connection uses the search path of its role. */
const notifyAll = `select pg_catalog.pg_notify($1, message)
  from pg_catalog.unnest($2::pg_catalog.text[]) as messages(message)`;

/** The transport between hosts with LISTEN and NOTIFY, on one connection. @throws FleetError CONFIG_INVALID */
export function postgresTransport(url: string): Transport {
  const options = connectionOptions(url, { applicationName: 'decnet-fleet bus' });
  const receivers = new Map<string, (payload: unknown, topic: string) => void>();
  let client: pg.Client | null = null;
  let closed = false;
  /** Statements run one at a time, without relying on the client's internal queue. */
  const serially = oneByOne();

  const connect = async (): Promise<void> => {
    while (!closed) {
      const made = new pg.Client({
        ...options,
        connectionTimeoutMillis: 5000,
        keepAlive: true,
      });
      const ended = new Promise<void>((done) => {
        made.once('end', () => done());
        made.on('error', () => done());
      });
      try {
        await made.connect();
        made.on('notification', ({ payload = '' }) => receive(payload));
        if (receivers.size > 0) await made.query(`listen ${channel}`);
        client = made;
        await ended;
      } catch {
        // The connection failed: try again below.
      }
      client = null;
      await made.end().catch(() => undefined);
      if (!closed) await sleep(retryAfterMs, undefined, { ref: false });
    }
  };
  const receive = (text: string): void => {
    let topic: unknown;
    try {
      const found: unknown = JSON.parse(text);
      topic = isObject(found) ? found.topic : undefined;
    } catch {
      return;
    }
    const payload = payloadOf(text);
    if (typeof topic === 'string' && payload !== undefined) receivers.get(topic)?.(payload, topic);
  };
  const ready = async (): Promise<pg.Client> => {
    for (let waited = 0; client === null && waited < 1000 && !closed; waited += 20) await sleep(20);
    if (client === null) throw new Error('the connection is down');
    return client;
  };
  void connect();

  return {
    name: 'PostgreSQL',
    scope: 'fleet',
    publish: async (messages) => {
      const open = await ready();
      await serially(() => open.query(notifyAll, [channel, messages.map(envelope)]));
    },
    subscribe: (topic, handler) => {
      receivers.set(topic, handler);
      const open = client;
      if (open !== null) serially(() => open.query(`listen ${channel}`)).catch(() => undefined);
    },
    close: async () => {
      closed = true;
      await client?.end().catch(() => undefined);
    },
  };
}
