import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { type Env, type Running, startDashboard } from '../harness/cli.ts';
import { type Granted, granted } from '../harness/granted.ts';
import { type TestHost, testHost } from '../harness/host.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { noStore, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const queue = 'reconcile.mine';
const at = (key: string): string => `bull:${queue}:${key}`;
const large = Buffer.alloc(50_000_000, 'x');
const maxMb = 30;

const paths = [
  `/queues/api/queues?activeQueue=${queue}`,
  `/queues/api/queues?activeQueue=${queue}&status=completed&jobsPerPage=1000000`,
  '/queues/api/job-schedulers',
  `/queues/api/queues/${queue}/metrics`,
  `/queues/api/queues/${queue}/small/logs`,
  `/queues/api/queues/${queue}/small/flow`,
  `/queues/api/queues/${queue}/large`,
  '/queues/',
  '/hosts/mine',
  '/',
];

/** What a stolen worker puts into its own queue. `shown`: what Bull Board's page says; null: nothing is left out. */
const forgeries: readonly {
  readonly what: string;
  forge(thief: Redis): Promise<unknown>;
  readonly shown: RegExp | null;
}[] = [
  ...['returnvalue', 'data', 'stacktrace', 'opts', 'failedReason', 'progress'].map((field) => ({
    what: `a job with ${field} of 50 MB`,
    forge: async (thief: Redis) => {
      await thief.hset(at('large'), { name: 'x', data: '{}', opts: '{}', finishedOn: '1', [field]: large });
      await thief.zadd(at('completed'), 1, 'large');
    },
    shown: /reconcile\.mine, job large: it has 50 MB, and at most 1 MB are read/,
  })),
  {
    what: 'a job with 300,000 fields',
    forge: async (thief) => {
      const fill = `for i = 1, 300000 do redis.call('hset', KEYS[1], i, 'xxxx') end`;
      await thief.eval(fill, 1, at('large'));
      await thief.lpush(at('wait'), 'large');
    },
    shown: /reconcile\.mine, job large: it has 300000 fields, and at most 1000 are read/,
  },
  ...['wait', 'active'].map((list) => ({
    what: `an id of 50 MB in "${list}"`,
    forge: (thief: Redis) => thief.lpush(at(list), large),
    shown: /reconcile\.mine: it has 50 MB/,
  })),
  {
    what: 'an id of 50 MB in "failed"',
    forge: (thief) => thief.zadd(at('failed'), 1, large),
    shown: /reconcile\.mine: it has 50 MB/,
  },
  {
    what: 'a sorted set of 300,000 jobs',
    forge: (thief) =>
      thief.eval(
        `for i = 1, 300000 do redis.call('zadd', KEYS[1], i, 'job-that-does-not-exist-' .. i) end`,
        1,
        at('completed'),
      ),
    shown: null,
  },
  {
    what: 'a setting of the queue of 50 MB',
    forge: (thief) => thief.hset(at('meta'), { concurrency: large, max: large, duration: large }),
    shown: /reconcile\.mine: it has 50 MB/,
  },
  {
    what: 'a schedule of 50 MB',
    forge: async (thief) => {
      await thief.hset(at('repeat:x'), { name: 'x', ic: 1, every: 1000, data: large });
      await thief.zadd(at('repeat'), 1e15, 'x');
    },
    shown: /reconcile\.mine: it has 50 MB/,
  },
  {
    what: 'log lines and figures of 50 MB',
    forge: async (thief) => {
      await thief.rpush(at('small:logs'), large);
      await thief.rpush(at('metrics:completed:data'), large);
      await thief.hset(at('metrics:completed'), 'count', large);
      await thief.hset(at('small:processed'), 'bull:reconcile.mine:large', large);
    },
    shown: null,
  },
];

describe('large jobs of a stolen worker', { skip: noStore('redis') }, () => {
  let store: TestStore;
  let host: TestHost;
  let master: Env;
  let mine: Granted;
  let thief: Redis;
  let dashboard: Running;
  let url: string;

  before(async () => {
    store = await testStore('redis');
    host = testHost();
    master = host.env({ ...store.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
    await store.db.query(`insert into fleet_hosts (host_uuid, interval_s, first_seen_at, last_pass_at)
      values ('mine', 30, now(), now()), ('peer', 30, now(), now())`);
    mine = await granted(store, master, 'mine');
    thief = new Redis(mine.settings.REDIS_URL ?? '');
    ({ dashboard, url } = await startDashboard(master));
    await makeSmall();
    for (let round = 0; round < 10; round++) await visit();
  });
  after(async () => {
    dashboard?.child.kill('SIGKILL');
    await dashboard?.finished;
    thief?.disconnect();
    await mine?.remove();
    host?.remove();
    await store?.drop();
  });

  const makeSmall = async (): Promise<void> => {
    await thief.hset(at('small'), { name: 'x', data: '{}', opts: '{}', timestamp: '1', finishedOn: '1' });
    await thief.zadd(at('completed'), 2e6, 'small');
  };
  const clear = async (): Promise<void> => {
    const admin = new Redis(store.redisUrl ?? '');
    const keys = await admin.keys(at('*'));
    await admin.del(keys);
    admin.disconnect();
  };
  const get = async (path: string): Promise<{ status: number; body: string }> => {
    const answer = await fetch(url + path, { signal: AbortSignal.timeout(10_000) });
    return { status: answer.status, body: await answer.text() };
  };
  const visit = async (): Promise<void> => {
    for (const path of paths) await get(path);
  };
  /** The most memory that the dashboard has had so far. */
  const peakMb = (): number =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${dashboard.child.pid}/status`, 'utf8'))?.[1]) / 1024;

  for (const { what, forge, shown } of forgeries)
    test(`${what}: the pages answer, name it, and take no memory`, async () => {
      const before = peakMb();
      await forge(thief);
      try {
        const began = performance.now();
        for (const path of paths) {
          const { status, body } = await get(path);
          assert.ok(body.length < 2_000_000, `${path}: ${body.length} characters`);
          if (path === paths[0] || path.startsWith('/hosts') || path === '/') assert.equal(status, 200, path);
        }
        assert.ok(performance.now() - began < 10_000, `${Math.round(performance.now() - began)} ms`);
        const { queues } = JSON.parse((await get(paths[0] ?? '')).body) as {
          queues: { name: string; jobs: { id: string }[] }[];
        };
        assert.ok(
          queues.some(({ name }) => name === 'reconcile.peer'),
          'the queue of another host',
        );
        if (shown === null || shown.source.includes('job large'))
          assert.ok(queues.some(({ name, jobs }) => name === queue && jobs.some(({ id }) => id === 'small')));
        const page = (await get('/queues/')).body;
        if (shown === null) assert.doesNotMatch(page, /id="left-out"/);
        else assert.match(page, shown);
        if (shown?.source.includes('job large') && what.includes('of 50 MB'))
          // The page of a moment ago is shared.
          await waitFor(async () =>
            /Not shown, .*job large: it has 50 MB/.test((await get('/hosts/mine')).body),
          );
        const grew = peakMb() - before;
        assert.ok(grew < maxMb, `${grew.toFixed(1)} MB more`);
      } finally {
        await clear();
        await makeSmall();
        await visit();
      }
    });

  test('a user that may not measure is protected, too: the grants of older versions', async () => {
    const admin = new Redis(store.redisUrl ?? '');
    await admin.call('ACL', 'SETUSER', mine.role, '-hkeys', '-hstrlen');
    const queues = openTestQueues(mine.settings.REDIS_URL ?? '', store.db.url);
    try {
      await thief.hset(at('large'), { name: 'x', data: large, opts: '{}' });
      await assert.rejects(queues.impatientQueue(queue).getJob('large'), /^Error: it has 50 MB/);
      assert.equal((await queues.impatientQueue(queue).getJob('small'))?.name, 'x');
    } finally {
      await thief.del(at('large'));
      await admin.call('ACL', 'SETUSER', mine.role, '+hkeys', '+hstrlen');
      admin.disconnect();
      await queues.close();
    }
  });

  test('an answer of 50 MB to a plan is refused', async () => {
    const queues = openTestQueues(mine.settings.REDIS_URL ?? '', store.db.url);
    try {
      const answer = large.toString();
      const worker = queues.worker(queue, async () => answer);
      void worker.run();
      await worker.waitUntilReady();
      const before = peakMb();
      const { status, body } = await get('/hosts/mine/plan');
      assert.equal(status, 503, body);
      assert.match(body, /The answer of host mine is not read: it has 50 MB, and at most 16 MB are read/);
      const grew = peakMb() - before;
      assert.ok(grew < maxMb, `${grew.toFixed(1)} MB more`);
    } finally {
      await queues.close();
    }
  });
});
