import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import pg from 'pg';
import { bestEffort } from '../../src/bus/best-effort.ts';
import { decnetTransport } from '../../src/bus/decnet.ts';
import { postgresTransport } from '../../src/bus/postgres.ts';
import { redisTransport } from '../../src/bus/redis.ts';
import type { Transport } from '../../src/bus/transport.ts';
import { createLog } from '../../src/lib/log.ts';
import { openRedis } from '../../src/queue/backend.ts';
import { type BusServer, busServer } from '../harness/bus-server.ts';
import { type TestDatabase, testDatabase } from '../harness/database.ts';
import { waitFor } from '../harness/wait.ts';

const message = (n: number) => ({
  topic: 'decky.local:web.state',
  type: 'state',
  payload: { n, name: 'wéb' },
});

/** The environment of one transport: a receiver of its messages and a sender of others. */
interface World {
  open(): Promise<Transport>;
  /** Envelopes that another client received. */
  heard(): Promise<readonly Record<string, unknown>[]>;
  say(topic: string, payload: unknown): Promise<void>;
  /** Interrupts the other side for a moment. */
  interrupt(): Promise<void>;
  close(): Promise<void>;
}

async function redisWorld(): Promise<World> {
  const url = process.env.TEST_REDIS_URL ?? '';
  const outsider = new Redis(url);
  const speaker = new Redis(url);
  const heard: Record<string, unknown>[] = [];
  await outsider.subscribe('decky.local:web.state');
  outsider.on('message', (_channel, text) => heard.push(JSON.parse(text)));
  const shared = openRedis(url);
  return {
    open: async () => {
      await shared.ping();
      return redisTransport(shared);
    },
    heard: async () => heard,
    say: async (topic, payload) => void (await speaker.publish(topic, JSON.stringify({ payload }))),
    interrupt: async () => void (await speaker.call('CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes')),
    close: async () => {
      for (const one of [outsider, speaker, shared]) one.disconnect();
    },
  };
}

async function postgresWorld(): Promise<World> {
  const db: TestDatabase = await testDatabase({ migrated: false });
  const outsider = new pg.Client({ connectionString: db.url });
  const heard: Record<string, unknown>[] = [];
  await outsider.connect();
  outsider.on('notification', ({ payload = '' }) => heard.push(JSON.parse(payload)));
  await outsider.query('listen decnet_fleet');
  return {
    open: async () => postgresTransport(db.url),
    heard: async () => heard,
    say: async (topic, payload) => {
      await db.query('select pg_notify($1, $2)', ['decnet_fleet', JSON.stringify({ topic, payload })]);
    },
    interrupt: async () => {
      await db.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'decnet-fleet bus'`,
      );
    },
    close: async () => {
      await outsider.end();
      await db.drop();
    },
  };
}

async function decnetWorld(): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-bus-'));
  const path = join(directory, 'bus.sock');
  let server: BusServer = await busServer(path);
  const heard: Record<string, unknown>[] = [];
  return {
    open: async () => decnetTransport(path),
    heard: async () => {
      heard.push(...server.published.splice(0).map(({ envelope }) => envelope));
      return heard;
    },
    say: async (topic, payload) => server.send(topic, payload),
    interrupt: async () => {
      await server.stop();
      server = await busServer(path);
    },
    close: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const noRedis = process.env.TEST_REDIS_URL === undefined && 'Redis: there is no redis-server on this machine';

for (const [name, make, skip] of [
  ['Redis', redisWorld, noRedis],
  ['PostgreSQL', postgresWorld, false],
  ['DECNET’s own bus', decnetWorld, false],
] as const) {
  describe(`the bus on ${name}`, { skip }, () => {
    let world: World;
    let transport: Transport;
    before(async () => {
      world = await make();
      transport = await world.open();
    });
    after(async () => {
      await transport.close();
      await world.close();
    });

    test('a message arrives in its envelope', async () => {
      await transport.publish([message(1)]);
      await waitFor(async () => (await world.heard()).length === 1);
      const [found] = await world.heard();
      assert.deepEqual(Object.keys(found ?? {}).sort(), ['id', 'payload', 'topic', 'ts', 'type', 'v']);
      assert.deepEqual(
        [found?.v, found?.topic, found?.type, found?.payload],
        [1, message(1).topic, 'state', message(1).payload],
      );
      assert.match(String(found?.id), /^[0-9a-f]{32}$/);
      assert.equal(typeof found?.ts, 'number');
    });

    test('subscribed messages are received with any payload, also after an interruption', async () => {
      const received: unknown[] = [];
      transport.subscribe('system.reconciler.control', (payload) => received.push(payload));
      await waitFor(async () => {
        await world.say('system.reconciler.control', { n: 1 });
        return received.length > 0;
      });
      await world.say('system.reconciler.control', null);
      await world.say('system.reconciler.control', 'text');
      await world.say('another.topic', { n: 2 });
      await waitFor(() => received.includes('text') && received.includes(null));
      assert.ok(!received.some((payload) => JSON.stringify(payload) === '{"n":2}'));

      await world.interrupt();
      await waitFor(async () => {
        await world.say('system.reconciler.control', { n: 3 });
        return received.some((payload) => JSON.stringify(payload) === '{"n":3}');
      });
      await waitFor(async () => {
        await transport.publish([message(4)]).catch(() => undefined);
        return JSON.stringify(await world.heard()).includes('"n":4');
      });
    });

    test('all messages of a large pass arrive, in order, and closing waits for them', async () => {
      const many = Array.from({ length: 20_000 }, (_, at) => at + 100);
      const bus = bestEffort([transport], createLog('silent', 'json'));
      for (let at = 0; at < many.length; at += 200) bus.publish(many.slice(at, at + 200).map(message));
      await bus.close();
      const arrived = async (): Promise<readonly number[]> =>
        (await world.heard())
          .filter(({ topic }) => topic === message(0).topic)
          .map(({ payload }) => (payload as { n: number }).n)
          .filter((n) => n >= 100);
      await waitFor(async () => (await arrived()).length >= many.length);
      assert.deepEqual(await arrived(), many);
    });
  });
}

describe('a bus that is down', () => {
  test('does not block, and is logged once', async () => {
    const warnings: string[] = [];
    const log = createLog('warn', 'json');
    log.warn = ((_fields: object, text: string) => warnings.push(text)) as unknown as typeof log.warn;
    const down: Transport = {
      name: 'down',
      scope: 'fleet',
      publish: () => Promise.reject(new Error('down')),
      subscribe: () => undefined,
      close: async () => undefined,
    };
    const bus = bestEffort([down], log);
    for (let times = 0; times < 5; times++) bus.publish([message(times)]);
    await new Promise((done) => setImmediate(done));
    assert.deepEqual(warnings, ['cannot send messages']);
  });

  test('DECNET’s: when the server does not read, a limited number of messages waits, and closing does not block', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-bus-'));
    const server = await busServer(join(directory, 'bus.sock'));
    const transport = decnetTransport(server.path);
    await transport.publish([message(0)]);
    await waitFor(() => server.published.length === 1);
    server.hang();
    const refused: string[] = [];
    const log = createLog('warn', 'json');
    log.warn = (({ error }: { error: Error }) => refused.push(error.message)) as unknown as typeof log.warn;
    const bus = bestEffort([transport], log);
    const big = { topic: 'a', type: 'state', payload: { text: 'x'.repeat(10_000) } };
    // When the socket is full, the rest waits.
    for (let times = 0; times < 1100; times++) bus.publish(Array.from({ length: 200 }, () => big));
    assert.deepEqual(refused, ['200000 messages are already waiting']);
    await bus.close();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test('DECNET’s: a missing bus is not an error, and is used as soon as it exists', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-bus-'));
    const path = join(directory, 'bus.sock');
    const transport = decnetTransport(path);
    await transport.publish([message(0)]);
    const server = await busServer(path);
    await waitFor(async () => {
      await transport.publish([message(1)]);
      return server.published.length > 0;
    });
    await transport.close();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });
});
