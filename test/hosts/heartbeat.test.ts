import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { heartbeatView, postgresHeartbeat } from '../../src/database/heartbeat.ts';
import { openDatabase } from '../../src/database/orm.ts';
import { metricsSource } from '../../src/database/queries/figures.ts';
import { roundIsOldAfterMs, withheldBecause } from '../../src/fleet/heartbeat.ts';
import { startHeartbeat } from '../../src/notify/heartbeat.ts';
import { lastRound, startScheduler } from '../../src/queue/schedule.ts';
import { metricsText } from '../../src/web/metrics.ts';
import { cli, start } from '../harness/cli.ts';
import { parseExposition } from '../harness/exposition.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { runHere } from '../harness/run-here.ts';
import { postgresServer, redisServer, type Server } from '../harness/servers.ts';
import { noStore, type StoreKind, stores, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const token = 'a1b2c3d4-secret';
const times = { everyMs: 600, checkEveryMs: 100, oldAfterMs: 4000 };

/** A receiver of heartbeats, as healthchecks.io is one. */
async function receiver() {
  const got: string[] = [];
  let answer = (response: ServerResponse): void => void response.end('OK');
  const server = createServer((request, response) => {
    got.push(`${request.method} ${request.url}`);
    answer(response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    got,
    origin,
    address: `${origin}/ping/${token}`,
    answerWith: (how: typeof answer) => {
      answer = how;
    },
    /** Waits until more heartbeats arrive. */
    beats: async () => {
      const before = got.length;
      await waitFor(() => got.length >= before + 2);
    },
    /** Waits until none arrives for several times their interval. */
    isSilent: () =>
      waitFor(async () => {
        const before = got.length;
        await sleep(times.everyMs * 5);
        return got.length === before;
      }),
    close: () => void server.close().closeAllConnections(),
  };
}

describe('whether a heartbeat is sent', () => {
  for (const [facts, why] of [
    [{ roundAgeMs: 1000, hosts: 3, freshHosts: 1 }, null],
    [{ roundAgeMs: roundIsOldAfterMs, hosts: 1, freshHosts: 1 }, null],
    [{ roundAgeMs: roundIsOldAfterMs + 1, hosts: 1, freshHosts: 1 }, 'schedule'],
    [{ roundAgeMs: null, hosts: 1, freshHosts: 1 }, 'schedule'],
    [{ roundAgeMs: 0, hosts: 0, freshHosts: 0 }, 'passes'],
    [{ roundAgeMs: 0, hosts: 50, freshHosts: 0 }, 'passes'],
  ] as const)
    test(`${JSON.stringify(facts)}: ${why ?? 'yes'}`, () =>
      assert.equal(withheldBecause(facts, roundIsOldAfterMs)?.why ?? null, why));
});

for (const kind of stores)
  describe(`the heartbeat to the outside, queues on ${kind}`, { skip: noStore(kind) }, () => {
    let database: Server;
    let redis: Server | null;
    let to: Awaited<ReturnType<typeof receiver>>;
    const closing: (() => Promise<unknown>)[] = [];
    const logged: string[] = [];
    const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });
    let opened: Awaited<ReturnType<typeof openDatabase>>;
    let schedule: () => { close(): Promise<void> };
    let heart: () => { close(): Promise<void> };
    let scheduler: { close(): Promise<void> };
    const fresh = (age: string) =>
      opened.query(
        `update fleet_hosts set last_pass_at = now() - $1::interval, last_full_pass_at = now() - $1::interval`,
        [age],
      );
    before(async () => {
      to = await receiver();
      database = await postgresServer();
      redis = kind === 'redis' ? await redisServer() : null;
      opened = await openDatabase(database.url);
      await opened.migrate();
      const backend = openTestQueues(redis?.url ?? null, database.url);
      await backend.prepare();
      schedule = () =>
        startScheduler(backend, {
          hosts: async () => [],
          intervalMs: 1000,
          repairEveryMs: 1000,
          onError: () => undefined,
        });
      heart = () =>
        startHeartbeat(postgresHeartbeat(opened.query, 30), {
          address: to.address,
          lastRound: () => lastRound(backend),
          log,
          times,
        });
      closing.push(
        async () => to.close(),
        () => database.remove(),
        async () => redis?.remove(),
        () => opened.close(),
        () => backend.close(),
      );
      await opened.query(
        `insert into fleet_hosts (host_uuid, interval_s, first_seen_at) values ('a', 86400, now()), ('b', 86400, now())`,
      );
      scheduler = schedule();
      const beating = heart();
      closing.push(() => beating.close());
    });
    after(async () => {
      await scheduler.close();
      for (const close of closing.reverse()) await close();
    });
    const view = () => heartbeatView(opened.query);

    test('is not sent before any host had a pass, and then each interval', async () => {
      await waitFor(async () => (await view())?.why === 'passes');
      assert.deepEqual(to.got, []);
      await fresh('1 second');
      await to.beats();
      assert.equal(new Set(to.got).size, 1);
      assert.equal(to.got[0], `GET /ping/${token}`);
      await waitFor(async () => {
        const now = await view();
        return now?.why === null && now.sentAgeSeconds !== null && now.receiver === to.origin;
      });
    });

    test('is sent by one process of several', async () => {
      const others = [heart(), heart()];
      const [before, since] = [to.got.length, performance.now()];
      await sleep(times.everyMs * 8);
      const intervals = (performance.now() - since) / times.everyMs;
      await Promise.all(others.map((one) => one.close()));
      assert.ok(to.got.length - before <= intervals / 0.9 + 1, `${to.got.length - before} in ${intervals}`);
    });

    test('stops when no host is fresh, and starts again with the first that is', async () => {
      await fresh('400 days');
      await waitFor(async () => (await view())?.why === 'passes');
      await to.isSilent();
      await opened.query(`update fleet_hosts set last_full_pass_at = now() where host_uuid = 'b'`);
      await to.beats();
      await fresh('1 second');
    });

    test('stops when the scheduler stops, and starts again', async () => {
      await scheduler.close();
      await waitFor(async () => (await view())?.why === 'schedule');
      await to.isSilent();
      scheduler = schedule();
      await to.beats();
    });

    test('stops when the database is gone, and starts again', async () => {
      await database.stop();
      await to.isSilent();
      await database.start();
      await to.beats();
    });

    if (kind === 'redis')
      test('stops when Redis is gone, and starts again', async () => {
        await redis?.stop();
        await waitFor(async () => (await view())?.why === 'schedule');
        await to.isSilent();
        await redis?.start();
        await to.beats();
      });

    test('is sent again soon when the receiver refused it', async () => {
      to.answerWith((response) => void response.writeHead(503).end());
      await waitFor(async () => (await view())?.why === 'receiver');
      assert.equal((await view())?.reason, 'it answered 503');
      const source = metricsSource(opened.query, 30);
      const scrape = async () =>
        parseExposition(await metricsText({ version: '1', hosts: [], heartbeat: await source.heartbeat() }));
      const withheld = (await scrape()).get('decnet_fleet_heartbeat_withheld')?.samples ?? [];
      assert.deepEqual(
        withheld.map(({ labels, value }) => [labels.why, value]),
        [
          ['schedule', 0],
          ['passes', 0],
          ['receiver', 1],
        ],
      );
      const age = (await scrape()).get('decnet_fleet_heartbeat_age_seconds')?.samples[0]?.value;
      assert.ok(age !== undefined && age >= 0 && age < 3600, String(age));
      to.answerWith((response) => void response.end());
      await to.beats();
      await waitFor(async () => (await view())?.why === null);
    });

    test('the log says once why none is sent, and nothing secret', () => {
      assert.ok(logged.some((line) => line.includes('no heartbeat is sent')));
      assert.ok(logged.some((line) => line.includes('heartbeats are sent again')));
      assert.ok(logged.length < 60, logged.join(''));
      assert.doesNotMatch(logged.join(''), new RegExp(token));
    });
  });

describe('a scheduler with DECNET_HEARTBEAT_URL', () => {
  const kind: StoreKind = 'postgres';
  test('sends it; doctor says when, and why not', async () => {
    const [store, to] = [await testStore(kind), await receiver()];
    const env = { ...store.env, DECNET_HEARTBEAT_URL: to.address, DECNET_INTERVAL: '1' };
    const finding = async (more = {}) => {
      const { stdout, stderr } = await runHere(['doctor', '--json'], { ...env, ...more });
      assert.doesNotMatch(stdout + stderr, new RegExp(token));
      const { checks } = JSON.parse(stdout) as { checks: { part: string; verdict: string; text: string }[] };
      return checks.find(({ part }) => part === 'heartbeat');
    };
    try {
      await runHere(['migrate'], env);
      const off = await finding({ DECNET_HEARTBEAT_URL: '' });
      assert.deepEqual([off?.verdict, /^off: /.test(off?.text ?? '')], ['ok', true]);
      assert.match((await finding())?.text ?? '', /^no scheduler has sent one yet/);
      await store.db.query(
        `insert into fleet_hosts (host_uuid, interval_s, first_seen_at, last_full_pass_at) values ('a', 86400, now(), now())`,
      );
      const running = start([], env, 'scheduler.ts');
      await waitFor(() => to.got.length > 0);
      await waitFor(async () => (await finding())?.verdict === 'ok');
      assert.match(
        (await finding())?.text ?? '',
        /^the last one was sent \d+ s ago to http:\/\/127\.0\.0\.1:\d+$/,
      );
      await store.db.query(`update fleet_hosts set last_full_pass_at = now() - interval '400 days'`);
      await waitFor(async () => (await finding())?.verdict === 'fault');
      assert.match(
        (await finding())?.text ?? '',
        /no host had a full pass within three intervals\. It is sent again/,
      );
      running.child.kill();
      const { code, stderr } = await running.finished;
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, new RegExp(token));
      await store.db.query(
        `update fleet_heartbeat set withheld = null, reason = null, sent_at = now() - interval '10 minutes'`,
      );
      assert.match(
        (await finding())?.text ?? '',
        /sent 10 min ago to http\S+: no process sends it\. Start the scheduler/,
      );
      // A scheduler without the setting: what is not configured is not missing.
      const without = start([], { ...env, DECNET_HEARTBEAT_URL: '' }, 'scheduler.ts');
      await waitFor(async () => (await store.db.query('select from fleet_heartbeat')).length === 0);
      without.child.kill();
      await without.finished;
    } finally {
      to.close();
      await store.drop();
    }
  });

  test('a wrong address: exit 2, without the address', async () => {
    const { code, stderr } = await cli(['status'], { DECNET_HEARTBEAT_URL: `ftp://x/${token}` });
    assert.equal(code, 2);
    assert.match(stderr, /DECNET_HEARTBEAT_URL is not an address; allowed: http:\/\/…, https:\/\/…/);
    assert.doesNotMatch(stderr, new RegExp(token));
  });
});
