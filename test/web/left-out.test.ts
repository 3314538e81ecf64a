import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Redis } from 'ioredis';
import { openRedis, type QueueBackend, queueBackend } from '../../src/queue/backend.ts';
import { noBrowser } from '../harness/browser.ts';
import { type OwnDashboard, ownDashboard } from '../harness/dashboard.ts';
import type { TestDatabase } from '../harness/database.ts';
import { ask, basic } from '../harness/http.ts';
import { noStore, type StoreKind, stores } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const credentials = { user: 'ops', password: 'secret-of-ops' };
const headers = { authorization: basic(credentials.user, credentials.password) };
const mine = 'reconcile.mine';
const others = ['reconcile.other', 'schedule'];
/** Five times the maximum time to detect a recovery. */
const backWithin = 25_000;

interface Listed {
  readonly queues: readonly { name: string; jobs: { id: string }[]; isPaused: boolean }[];
}

/** A way to make one queue unreadable, and to undo it. */
interface Breakage {
  readonly what: string;
  breakIt(): Promise<unknown>;
  heal(): Promise<unknown>;
}

for (const kind of stores) {
  describe(`Bull Board with a queue that cannot be read, queues on ${kind}`, { skip: noStore(kind) }, () => {
    let redis: Redis | null = null;
    let queues: QueueBackend;
    let dashboard: OwnDashboard;

    before(async () => {
      dashboard = await ownDashboard({
        kind,
        rows: [`insert into fleet_hosts (host_uuid, interval_s) values ('mine', 30), ('other', 30)`],
        credentials,
      });
      redis = dashboard.redisUrl === null ? null : openRedis(dashboard.redisUrl);
      queues = queueBackend({ redis, databaseUrl: dashboard.db.url }, { outage: () => undefined });
      for (const name of [mine, ...others]) await queues.queue(name).add('reconcile', {}, { jobId: 'good' });
      await waitFor(async () => (await listed()).includes(mine), backWithin);
    });
    after(async () => {
      await queues?.close();
      redis?.disconnect();
      await dashboard?.close();
    });

    const api = async (path: string): Promise<Listed> => {
      const { status, body } = await ask(`${dashboard.url}/queues/api/${path}`, { headers });
      assert.equal(status, 200, `${path}: ${body}`);
      return JSON.parse(body) as Listed;
    };
    const listed = async (query = ''): Promise<readonly string[]> =>
      (await api(`queues${query}`)).queues.map(({ name }) => name).sort();
    const page = async (): Promise<string> => (await ask(`${dashboard.url}/queues/`, { headers })).body;
    const logged = (sentence: string): readonly string[] =>
      dashboard.logged.filter((line) => line.includes(sentence) && line.includes(mine));
    const began = 'queues or jobs cannot be read; Bull Board leaves them out';
    const ended = 'Bull Board shows these queues or jobs again';

    for (const { what, breakIt, heal } of breakages(kind, () => ({ redis, db: dashboard.db })))
      test(`${what}: it is left out immediately and named, all others are shown, and it reappears`, async () => {
        assert.deepEqual(await listed(), [mine, ...others].sort());
        const before = [logged(began).length, logged(ended).length];
        await breakIt();
        try {
          // The first request after it, of any kind, and some more.
          for (let at = 0; at < 3; at++) assert.deepEqual(await listed(`?activeQueue=${mine}`), others);
          await api('job-schedulers');
          const shown = await page();
          assert.match(
            shown,
            new RegExp(`<body[^>]*><style>[^<]*</style><p id="left-out"[^>]*>[^<]*${mine}: [^<]+</p>`),
          );
          assert.doesNotMatch(shown.slice(shown.indexOf('id="left-out"'), shown.indexOf('</p>')), /other/);
          assert.deepEqual([logged(began).length, logged(ended).length], [(before[0] ?? 0) + 1, before[1]]);
        } finally {
          await heal();
        }
        await waitFor(async () => (await listed()).includes(mine), backWithin);
        assert.doesNotMatch(await page(), /left-out/);
        assert.deepEqual(
          [logged(began).length, logged(ended).length],
          [(before[0] ?? 0) + 1, (before[1] ?? 0) + 1],
        );
      });

    test('the page reports it even if the queues were not listed since', async () => {
      const [one] = breakages(kind, () => ({ redis, db: dashboard.db }));
      await one?.breakIt();
      try {
        assert.match(await page(), new RegExp(`id="left-out"[^>]*>[^<]*${mine}: `));
      } finally {
        await one?.heal();
      }
      await waitFor(async () => (await listed()).includes(mine), backWithin);
    });

    /** The way to break a certain key, for Redis. */
    const breakage = (key: string): Breakage | undefined => {
      const all = breakages(kind, () => ({ redis, db: dashboard.db }));
      return all.find(({ what }) => what.includes(`"${key}"`)) ?? all[0];
    };

    test('the schedules of all queues are listed, even by the first request', async () => {
      const broken = breakage('repeat');
      await broken?.breakIt();
      try {
        await api('job-schedulers');
      } finally {
        await broken?.heal();
      }
      await waitFor(async () => (await listed()).includes(mine), backWithin);
    });

    test('all queues are paused and resumed, except the one that is left out', async () => {
      const one = breakage('meta');
      const put = async (what: string): Promise<void> => {
        const { status, body } = await ask(`${dashboard.url}/queues/api/queues/${what}`, {
          method: 'PUT',
          headers,
        });
        assert.equal(status, 200, body);
      };
      await one?.breakIt();
      try {
        await put('pause');
        assert.deepEqual(
          (await api('queues')).queues.map(({ isPaused }) => isPaused),
          [true, true],
        );
        await put('resume');
        assert.deepEqual(
          (await api('queues')).queues.map(({ isPaused }) => isPaused),
          [false, false],
        );
      } finally {
        await one?.heal();
      }
      await waitFor(async () => (await listed()).includes(mine), backWithin);
    });

    if (kind === 'redis')
      test('a wrong key that no list needs changes nothing', async () => {
        for (const key of ['events', 'id', 'paused', 'limiter', 'marker', 'stalled', 'pc']) {
          await keyOf(redis, key).breakIt();
          assert.deepEqual(await listed(`?activeQueue=${mine}`), [mine, ...others].sort(), key);
          assert.doesNotMatch(await page(), /left-out/, key);
          await keyOf(redis, key).heal();
        }
      });

    if (kind === 'redis')
      test('a job that cannot be read is left out and named; the others of its queue are shown', async () => {
        const at = (id: string): string => `bull:${mine}:${id}`;
        await redis?.set(at('wrong-type'), 'x');
        await redis?.hset(at('no-json'), { name: 'x', data: '<img src=x onerror=alert(1)>', opts: '{}' });
        await redis?.lpush(at('wait'), 'wrong-type', 'no-json');
        try {
          const { queues } = await api(`queues?activeQueue=${mine}`);
          const jobs = queues.find(({ name }) => name === mine)?.jobs.map(({ id }) => id);
          assert.deepEqual(jobs, ['good']);
          const shown = await page();
          assert.match(shown, /id="left-out"[^>]*>[^<]*reconcile\.mine, job wrong-type: [^<]+<\/p>/);
          assert.match(shown, /job no-json: /);
          assert.ok(!shown.includes('<img'), 'markup of a job');
        } finally {
          await redis?.lrem(at('wait'), 0, 'wrong-type');
          await redis?.lrem(at('wait'), 0, 'no-json');
          await redis?.del(at('wrong-type'), at('no-json'));
        }
        await waitFor(async () => !/left-out/.test(await page()), backWithin);
      });

    test('a job of more than 1 MB is left out and named; the others of its queue are shown', async () => {
      const job = await queues.queue(mine).add('reconcile', { filler: 'x'.repeat(2_000_000) });
      try {
        const shown = await api(`queues?activeQueue=${mine}`);
        assert.deepEqual(
          shown.queues.find(({ name }) => name === mine)?.jobs.map(({ id }) => id),
          ['good'],
        );
        assert.match(
          await page(),
          new RegExp(
            `id="left-out"[^>]*>[^<]*${mine}, job ${job.id}: it has 2 MB, and at most 1 MB are read`,
          ),
        );
      } finally {
        await job.remove();
      }
      await waitFor(async () => !/left-out/.test(await page()), backWithin);
    });

    if (kind === 'postgres')
      test('if none can be read, the list has the reason, and recovers', async () => {
        await dashboard.db.query('alter table bullmq.job rename to job_gone');
        try {
          const { status, body } = await ask(`${dashboard.url}/queues/api/queues`, { headers });
          assert.equal(status, 500);
          assert.match(body, /No queue can be read: .*job/);
        } finally {
          await dashboard.db.query('alter table bullmq.job_gone rename to job');
        }
        await waitFor(
          async () => (await ask(`${dashboard.url}/queues/api/queues`, { headers })).status === 200,
          backWithin,
        );
        assert.deepEqual(await listed(), [mine, ...others].sort());
      });

    test('the notice is at the top of the page, and the board below it works', {
      skip: noBrowser,
    }, async () => {
      const [one] = breakages(kind, () => ({ redis, db: dashboard.db }));
      const tab = await dashboard.openPage({ viewport: { width: 1280, height: 800 } });
      await one?.breakIt();
      try {
        await tab.goto(`${dashboard.url}/queues/`);
        await waitFor(async () => /reconcile\.other/.test(await tab.innerText('#root')));
        assert.ok(await tab.isVisible('#left-out'));
        // Nothing covers it.
        const top = await tab.evaluate(`(() => {
          const { left, right, top, bottom } = document.getElementById('left-out').getBoundingClientRect();
          return [left + 20, (left + right) / 2, right - 20].map(
            (x) => document.elementFromPoint(x, (top + bottom) / 2)?.id,
          );
        })()`);
        assert.deepEqual(top, ['left-out', 'left-out', 'left-out']);
      } finally {
        await one?.heal();
      }
    });
  });
}

/** Replaces a key of the queue with another type, and restores it. */
function keyOf(redis: Redis | null, key: string): Breakage {
  const name = `bull:${mine}:${key}`;
  return {
    what: `key "${key}" of another type`,
    breakIt: async () => {
      if (await redis?.exists(name)) await redis?.rename(name, `kept:${name}`);
      await redis?.set(name, 'x');
    },
    heal: async () => {
      await redis?.del(name);
      if (await redis?.exists(`kept:${name}`)) await redis?.rename(`kept:${name}`, name);
    },
  };
}

function breakages(
  kind: StoreKind,
  now: () => { redis: Redis | null; db: TestDatabase },
): readonly Breakage[] {
  if (kind === 'redis')
    return [
      'wait',
      'active',
      'completed',
      'failed',
      'delayed',
      'prioritized',
      'waiting-children',
      'meta',
      'repeat',
    ].map((key) => ({
      what: `key "${key}" of another type`,
      breakIt: () => keyOf(now().redis, key).breakIt(),
      heal: () => keyOf(now().redis, key).heal(),
    }));
  // Rows that cannot be read, as on a damaged page of the table.
  return [
    {
      what: 'rows that cannot be read',
      breakIt: () =>
        now().db.query(`begin; alter table bullmq.job rename to job_kept;
          create view bullmq.job as select * from bullmq.job_kept
            where 1 / (case queue when '${mine}' then 0 else 1 end) = 1; commit`),
      heal: () =>
        now().db.query('begin; drop view bullmq.job; alter table bullmq.job_kept rename to job; commit'),
    },
  ];
}
