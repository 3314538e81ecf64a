import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Env, start, startDashboard } from '../harness/cli.ts';
import { testDatabase } from '../harness/database.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { runHere } from '../harness/run-here.ts';
import { ask, postgresServer, redisServer, type Server } from '../harness/servers.ts';
import { noStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

/** The CPU time of a process and its threads. */
function cpuSeconds(pid: number): number {
  const [user, system] =
    readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(11, 13) ?? [];
  return (Number(user) + Number(system)) / 100;
}

const noDocker = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

describe('queues on a PostgreSQL that becomes unreachable', () => {
  let server: Server;
  let host: TestHost;
  let env: Env;
  before(async () => {
    server = await postgresServer();
    host = testHost();
    host.write([declaredDecky('web')]);
    env = host.env({ ...noDocker, DATABASE_URL: server.url, DECNET_INTERVAL: '2' });
    assert.equal((await runHere(['migrate'], env)).code, 0);
  });
  after(async () => {
    host.remove();
    await server.remove();
  });
  const generation = async (): Promise<number> =>
    Number(
      (
        await ask<{ turn: number }>(server.url, `select turn::int from fleet_hosts where host_uuid = 'local'`)
      )[0]?.turn ?? 0,
    );

  test('a command that waits for a pass ends with one line and no stack', async () => {
    const waiting = start(['reconcile', '--once', '--host', 'nobody', '--timeout', '6'], env);
    await sleep(2500);
    await server.stop();
    const { code, stdout, stderr } = await waiting.finished;
    await server.start();
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^decnet-fleet: The queues at .* do not answer: .*\n$/m);
    assert.doesNotMatch(stderr, /\n +at /);
  });

  test('a command that waits for a pass survives a short outage', async () => {
    const waiting = start(['reconcile', '--once', '--host', 'later', '--timeout', '40'], env);
    await sleep(2500);
    await server.stop();
    await server.start();
    const worker = start([], { ...env, DECNET_HOST_UUID: 'later' }, 'worker.ts');
    const { code, stderr } = await waiting.finished;
    assert.equal(code, 0, stderr);
    worker.child.kill();
    assert.equal((await worker.finished).code, 0);
  });

  test('a dashboard with an open decky page continues', async () => {
    const { dashboard, url } = await startDashboard(env);
    const worker = start([], env, 'worker.ts');
    await waitFor(async () => (await generation()) > 0);
    worker.child.kill('SIGSTOP');
    const page = fetch(`${url}/deckies/local/web`, { signal: AbortSignal.timeout(60_000) }).catch(() => null);
    await sleep(1500);
    await server.stop();
    await page;
    await server.start();
    worker.child.kill('SIGKILL');
    await waitFor(async () => (await fetch(url)).status === 200);
    dashboard.child.kill();
    assert.equal((await dashboard.finished).code, 0);
  });

  test('a worker and a scheduler that start during the outage wait, work afterwards, and stop on a signal', async () => {
    await server.stop();
    const scheduler = start([], env, 'scheduler.ts');
    const worker = start([], env, 'worker.ts');
    const impatient = start([], env, 'worker.ts');
    await worker.said(/a store does not answer; retrying/);
    await impatient.said(/a store does not answer; retrying/);
    impatient.child.kill('SIGTERM');
    assert.equal((await impatient.finished).code, 0);
    await server.start();
    const from = await generation();
    await waitFor(async () => (await generation()) >= from + 3);
    for (const one of [scheduler, worker]) {
      one.child.kill('SIGTERM');
      assert.equal((await one.finished).code, 0, one.output());
    }
  });

  test('no free connections while a worker starts: it runs its passes when there are some', async () => {
    await ask(server.url, 'alter system set max_connections = 12');
    await server.stop();
    await server.start();
    const { Client } = (await import('pg')).default;
    const held = Array.from({ length: 9 }, () => new Client({ connectionString: server.url }));
    for (const client of held) {
      client.on('error', () => undefined);
      await client.connect();
    }
    const worker = start([], env, 'worker.ts');
    await sleep(6000);
    // It waits without a tight loop: CPU time in seconds.
    assert.ok(cpuSeconds(worker.child.pid ?? 0) < 4, String(cpuSeconds(worker.child.pid ?? 0)));
    await Promise.all(held.map((client) => client.end()));
    const from = await generation();
    await waitFor(async () => (await generation()) >= from + 2);
    worker.child.kill('SIGTERM');
    assert.equal((await worker.finished).code, 0, worker.output());
  });
});

describe('a schema that is missing', () => {
  test('of BullMQ is reported with advice and waited for; migrate prepares both stores, wherever the queues are', {
    skip: noStore('redis'),
  }, async () => {
    const db = await testDatabase({ migrated: false });
    const host = testHost();
    const redis = await redisServer();
    const env = host.env({ ...noDocker, DATABASE_URL: db.url });
    host.write([declaredDecky('web')]);
    try {
      assert.equal((await runHere(['migrate'], { ...env, REDIS_URL: redis.url })).code, 0);
      assert.equal((await runHere(['reconcile', '--once'], env)).code, 0);
      await db.query('drop schema bullmq cascade');
      const started = ['worker.ts', 'scheduler.ts'].map((program) => start([], env, program));
      for (const { said } of started)
        await said(/The queues at .* do not have the tables of this version\. Run `decnet-fleet migrate`"/);
      assert.equal((await runHere(['migrate'], env)).code, 0);
      for (const { child, said, finished } of started) {
        await said(/the database is migrated to this version/);
        child.kill('SIGTERM');
        assert.equal((await finished).code, 0);
      }
    } finally {
      await redis.remove();
      host.remove();
      await db.drop();
    }
  });
});
