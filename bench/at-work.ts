/**
 * A worker process of a very large host that runs one pass after the other. Meanwhile it must renew its job's lock, or
 * another worker takes the job for stalled, and send its heartbeats.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';
import { queueName } from '../src/fleet/job.ts';
import { healthTopic } from '../src/fleet/topics.ts';
import { openRedis, queueBackend } from '../src/queue/backend.ts';
import { requestPass } from '../src/queue/request.ts';
import { start } from '../test/harness/cli.ts';
import { testHost } from '../test/harness/host.ts';
import { postgresServer, redisServer } from '../test/harness/servers.ts';
import { startProgram } from './child.ts';
import { manyDeckies } from './fleet.ts';
import { checkRunning, migrate, peakMb, pidOf, stop } from './processes.ts';
import { median, type Table } from './report.ts';

const host = 'bench';
/** The interval of heartbeats, and the duration of a job's lock, in milliseconds. @see src/worker/host.ts, src/queue/backend.ts */
const expected = { heartbeat: 30_000, lock: 5000 };
/** The time limit of one pass in milliseconds, including the first one with its inserts. */
const passWithin = 120_000;

/** @param options.seconds how long passes follow each other, after the first one */
export async function measureAtWork(options: {
  readonly deckies: number;
  readonly seconds: number;
}): Promise<Table> {
  const closers: (() => unknown)[] = [];
  try {
    const here = testHost();
    closers.push(() => here.remove());
    const postgres = await postgresServer();
    closers.push(() => postgres.remove());
    const redis = await redisServer();
    closers.push(() => redis.remove());
    const store = openRedis(redis.url);
    closers.push(() => store.disconnect());
    await writeFile(here.stateFile, JSON.stringify(manyDeckies(options.deckies)));
    const socket = join(here.directory, 'docker.sock');
    const engine = await startProgram('bench/fake-engine.ts', [socket, String(options.deckies)]);
    closers.push(() => engine.child.kill());
    const env = here.env({
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      DOCKER_HOST: `unix://${socket}`,
      DECNET_HOST_UUID: host,
      DECNET_INTERVAL: '86400',
      DECNET_BUS_ENABLED: 'false',
    });
    await migrate(env);

    const beats = await listen(redis.url, closers);
    const worker = start([], env, 'worker.ts');
    closers.push(() => stop(worker));
    const backend = queueBackend({ redis: store, databaseUrl: postgres.url }, { outage: () => undefined });
    closers.push(() => backend.close());
    let stalled = 0;
    const events = new QueueEvents(queueName(host), { connection: store });
    closers.push(() => events.close());
    events.on('stalled', () => {
      stalled += 1;
    });
    const onePass = async (): Promise<number> => {
      const { docker, duration_ms } = await requestPass(backend, { host_uuid: host }, passWithin);
      if (docker !== 'ok') throw new Error(`the engine did not answer:\n${worker.output()}`);
      return duration_ms;
    };
    await onePass();

    const lock = watchLock(store, queueName(host));
    const times: number[] = [];
    const until = performance.now() + options.seconds * 1000;
    while (performance.now() < until) {
      times.push(await onePass());
      checkRunning('the worker', worker);
    }
    const gaps = beats.slice(1).map((beat, at) => beat - (beats[at] ?? beat));
    return {
      name: 'work',
      title: `A worker at work: ${options.deckies.toLocaleString('en-US')} deckies, one pass after the other for ${options.seconds} s; a job's lock is taken for ${expected.lock} ms, a heartbeat is due every ${expected.heartbeat} ms.`,
      rows: [
        {
          passes: times.length,
          'median ms': Math.round(median(times)),
          'longest ms': Math.round(Math.max(...times)),
          'renewals of a lock': lock.renewals(),
          'shortest remaining time, ms': await lock.least(),
          'jobs taken for stalled': stalled,
          heartbeats: beats.length,
          'latest heartbeat, ms': Math.round(Math.max(0, ...gaps.map((gap) => gap - expected.heartbeat))),
          'peak MB': Math.round(peakMb(pidOf(worker))),
        },
      ],
    };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** The times of the worker's heartbeats by its own clock, in epoch milliseconds; updated as they arrive. */
async function listen(redisUrl: string, closers: (() => unknown)[]): Promise<readonly number[]> {
  const subscriber = new Redis(redisUrl);
  closers.push(() => subscriber.disconnect());
  const beats: number[] = [];
  subscriber.on('message', (_, text: string) => {
    const { payload } = JSON.parse(text) as { payload: { ts: number } };
    beats.push(payload.ts * 1000);
  });
  await subscriber.subscribe(healthTopic);
  return beats;
}

/** Repeatedly reads the remaining time of the active job's lock. */
function watchLock(store: Redis, queue: string) {
  let [least, before, renewals, current] = [expected.lock, 0, 0, ''];
  const look = async (): Promise<void> => {
    const [job] = await store.lrange(`bull:${queue}:active`, 0, 0);
    if (job === undefined) return;
    const left = await store.pttl(`bull:${queue}:${job}:lock`);
    if (left < 0) return;
    least = Math.min(least, left);
    // The lock of the next job is new, not renewed.
    if (job === current && left > before) renewals += 1;
    [current, before] = [job, left];
  };
  const ending = new AbortController();
  const looking = (async () => {
    while (!ending.signal.aborted) {
      await look();
      await new Promise((done) => setTimeout(done, 5));
    }
  })();
  return {
    renewals: () => renewals,
    least: async () => {
      ending.abort();
      await looking;
      return least;
    },
  };
}
