import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { drawNumber, drawOne, type Random } from '../../src/builder/random.ts';
import type { QueueBackend } from '../../src/queue/backend.ts';
import type { Server } from '../harness/servers.ts';
import type { Mood } from './engine.ts';
import type { WalkHost } from './host.ts';
import type { Program } from './program.ts';

/** A fault. When its promise is settled, the fault is over and repaired. */
export interface Fault {
  readonly name: string;
  /** The part that it breaks: two faults of one part would interfere. */
  readonly part: string;
  run(): Promise<void>;
}

type Kind = Omit<Fault, 'part'>;

export interface Breakable {
  readonly hosts: readonly WalkHost[];
  readonly workers: readonly Program[];
  readonly others: readonly Program[];
  readonly postgres: Server;
  readonly redis: Server | null;
  readonly queues: QueueBackend;
}

export function drawFault(parts: Breakable, random: Random): Fault {
  const { redis } = parts;
  const kinds = [programFault, programFault, engineFault, postgresFault, scheduleFault];
  const kind = redis !== null && random() < 0.3 ? () => redisFault(redis, random) : drawOne(random, kinds);
  return kind(parts, random);
}

function programFault({ workers, others }: Breakable, random: Random): Fault {
  const chosen = drawOne(random, random() < 0.6 ? workers : others);
  const pauseMs = drawNumber(random, 0, 3000);
  const faults: readonly Kind[] = [
    {
      name: `${chosen.name} is killed`,
      run: async () => {
        await chosen.kill();
        await sleep(pauseMs);
        chosen.start();
      },
    },
    {
      name: `${chosen.name} is asked to end, and started again`,
      run: async () => {
        await chosen.terminate();
        await sleep(pauseMs);
        chosen.start();
      },
    },
    { name: `${chosen.name} is held`, run: () => chosen.hold(pauseMs) },
  ];
  return { ...drawOne(random, faults), part: chosen.name };
}

function engineFault({ hosts }: Breakable, random: Random): Fault {
  const host = drawOne(random, hosts);
  const mood = drawOne(random, ['refuses', 'hangs', 'slow', 'drops connections', 'cut'] as const);
  const ms = drawNumber(random, 200, 6000);
  return {
    name: `Docker of ${host.name}: ${mood}`,
    part: host.name,
    run: async () => {
      if (mood === 'cut') return host.engine.cut();
      host.engine.mood = mood as Mood;
      await sleep(ms);
      host.engine.mood = 'sound';
      // Events are not replayed: an engine that hung has lost its streams.
      host.engine.cut();
    },
  };
}

function postgresFault({ postgres }: Breakable, random: Random): Fault {
  const ms = drawNumber(random, 0, 5000);
  const name = new URL(postgres.url).pathname.slice(1);
  const faults: readonly Kind[] = [
    {
      name: 'PostgreSQL is stopped and started',
      run: async () => {
        await postgres.stop();
        await sleep(ms);
        await postgres.start();
      },
    },
    { name: 'all connections to PostgreSQL are ended', run: () => asAdmin(postgres, endConnections) },
    {
      name: 'PostgreSQL takes no connections to the database',
      run: async () => {
        await asAdmin(postgres, async (client) => {
          await client.query(`alter database ${pg.escapeIdentifier(name)} allow_connections false`);
          await endConnections(client);
        });
        await sleep(ms);
        await asAdmin(postgres, (client) =>
          client.query(`alter database ${pg.escapeIdentifier(name)} allow_connections true`),
        );
      },
    },
    {
      name: 'PostgreSQL has no connection left',
      run: async () => {
        await asAdmin(postgres, endConnections);
        const held = await holdConnections(postgres);
        await sleep(ms);
        await Promise.all(held.map((client) => client.end()));
      },
    },
  ];
  return { ...drawOne(random, faults), part: 'PostgreSQL' };
}

const endConnections = (client: pg.Client): Promise<unknown> =>
  client.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null',
  );

/** Connects to the database `template1`: the product's database may accept no connections. */
async function asAdmin(postgres: Server, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const url = new URL(postgres.url);
  url.pathname = '/template1';
  for (let tries = 0; ; tries++) {
    const client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 5000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await work(client);
      return;
    } catch (error) {
      if (tries >= 20) throw error;
      await sleep(500);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

/** All connections of the server. */
async function holdConnections(postgres: Server): Promise<readonly pg.Client[]> {
  const held: pg.Client[] = [];
  while (held.length < 200) {
    const client = new pg.Client({ connectionString: postgres.url, connectionTimeoutMillis: 2000 });
    client.on('error', () => undefined);
    const isTaken = await client.connect().then(
      () => true,
      () => false,
    );
    if (!isTaken) break;
    held.push(client);
  }
  return held;
}

function redisFault(redis: Server, random: Random): Fault {
  const ms = drawNumber(random, 0, 5000);
  const during = (name: string, begin: readonly string[], end: readonly string[] | null): Kind => ({
    name,
    run: async () => {
      await tell(redis, begin);
      if (end === null) return;
      await sleep(ms);
      await tell(redis, end);
    },
  });
  const faults: readonly Kind[] = [
    {
      name: 'Redis is stopped, and started empty',
      run: async () => {
        await redis.stop();
        await sleep(ms);
        await redis.start();
      },
    },
    during('Redis is flushed', ['FLUSHALL'], null),
    during('all connections to Redis are ended', ['CLIENT', 'KILL', 'TYPE', 'normal'], null),
    during('all subscriptions of Redis are ended', ['CLIENT', 'KILL', 'TYPE', 'pubsub'], null),
    during(
      'Redis has no memory left',
      ['CONFIG', 'SET', 'maxmemory', '1'],
      ['CONFIG', 'SET', 'maxmemory', '0'],
    ),
    during('Redis is read-only', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']),
  ];
  return { ...drawOne(random, faults), part: 'Redis' };
}

async function tell(redis: Server, [command = '', ...args]: readonly string[]): Promise<void> {
  const client = new Redis(redis.url, {
    retryStrategy: (times) => (times > 20 ? null : 250),
    maxRetriesPerRequest: 20,
  });
  client.on('error', () => undefined);
  try {
    await client.call(command, ...args);
  } finally {
    client.disconnect();
  }
}

/** Manual changes of the schedule, for example in Bull Board. */
function scheduleFault({ queues }: Breakable, random: Random): Fault {
  const schedule = queues.queue('schedule');
  const faults: readonly Kind[] = [
    {
      name: 'the schedule is removed',
      run: async () => {
        for (const { key } of await schedule.getJobSchedulers()) await schedule.removeJobScheduler(key);
      },
    },
    {
      name: 'a second schedule is added',
      run: async () =>
        void (await schedule.upsertJobScheduler('by-hand', { every: 1000 }, { name: 'round', data: {} })),
    },
    {
      name: 'the schedule is given another interval',
      run: async () => {
        const [first] = await schedule.getJobSchedulers();
        if (first !== undefined)
          await schedule.upsertJobScheduler(first.key, { every: 600_000 }, { name: 'round', data: {} });
      },
    },
    { name: 'the queue of the schedule is emptied', run: () => schedule.drain(true) },
  ];
  const { name, run } = drawOne(random, faults);
  // It cannot be changed while the store is unreachable.
  return { name, part: 'the schedule', run: () => within(10_000, run()) };
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  await Promise.race([work.catch(() => undefined), sleep(ms)]);
}
