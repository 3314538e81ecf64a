import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import type { JobResult } from '../../src/fleet/job.ts';
import { redisChannel } from '../../src/fleet/topics.ts';
import { cli, type Env, type Running, start } from '../harness/cli.ts';
import { noEngine, type TestEngine, testEngine } from '../harness/docker.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { rowsOf, statesOf } from '../harness/pass.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { noStore, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

interface Machine {
  readonly name: string;
  readonly engine: TestEngine;
  readonly host: TestHost;
  readonly env: Env;
  worker: Running;
}

describe('two hosts, two engines, one scheduler, one Redis, one PostgreSQL', {
  skip: noEngine || noStore('redis'),
}, () => {
  let store: TestStore;
  let machines: readonly Machine[];
  let scheduler: Running;
  const heard: { channel: string; payload: Record<string, unknown> }[] = [];
  let listener: Redis;

  before(async () => {
    store = await testStore('redis');
    listener = new Redis(store.redisUrl ?? '');
    const database = new URL(store.redisUrl ?? '').pathname.slice(1);
    // Channels are shared by the whole server: those of this fleet include the number of its logical database.
    await listener.psubscribe(`${database}/*`);
    listener.on('pmessage', (_pattern, channel: string, text: string) => {
      const topic = channel.slice(database.length + 1);
      if (text.startsWith('{')) heard.push({ channel: topic, payload: JSON.parse(text).payload });
    });
    machines = await Promise.all(
      ['host-a', 'host-b'].map(async (name) => {
        const [engine, host] = [await testEngine(), testHost()];
        const env = host.env({
          ...store.env,
          DOCKER_HOST: engine.host,
          DECNET_HOST_UUID: name,
          DECNET_INTERVAL: '1',
        });
        return { name, engine, host, env, worker: undefined as unknown as Running };
      }),
    );
    for (const { host, engine, name } of machines) {
      // A master's file: it declares the deckies of every host, and those of this host with null or its name.
      host.write([
        declaredDecky('web', ['ssh'], { host_uuid: 'host-a' }),
        declaredDecky('web', ['ssh'], { host_uuid: 'host-b' }),
        declaredDecky('only', ['ssh'], { host_uuid: 'host-c' }),
        declaredDecky('last', ['ssh'], { host_uuid: 'host-e' }),
        ...(name === 'host-a' ? [declaredDecky('own')] : []),
      ]);
      await engine.makeDecky('web', ['ssh']);
    }
    for (const machine of machines) machine.worker = start([], machine.env, 'worker.ts');
    scheduler = start([], machines[0]?.env ?? {}, 'scheduler.ts');
    await waitFor(
      async () =>
        (await statesOf(store.db, 'host-a')).length === 2 &&
        (await statesOf(store.db, 'host-b')).length === 1,
    );
  });
  after(async () => {
    for (const { worker, engine, host } of machines) {
      worker.child.kill('SIGKILL');
      await worker.finished;
      await engine.stop();
      host.remove();
    }
    scheduler.child.kill('SIGKILL');
    await scheduler.finished;
    listener.disconnect();
    await store.drop();
  });
  const [a, b] = [() => machines[0] ?? assert.fail(), () => machines[1] ?? assert.fail()];

  test('a master’s file with the deckies of several hosts converges on every host', async () => {
    assert.deepEqual(await statesOf(store.db, 'host-a'), ['own torn_down', 'web running']);
    assert.deepEqual(await statesOf(store.db, 'host-b'), ['web running']);
    assert.deepEqual(await statesOf(store.db, 'host-c'), []);
    const generations = async () =>
      (await store.db.query('select turn::int from fleet_hosts order by host_uuid')).map(
        ({ turn: generation }) => Number(generation),
      );
    const [before, history] = [
      await generations(),
      await store.db.query('select count(*) from fleet_transitions'),
    ];
    await waitFor(async () =>
      (await generations()).every((generation, at) => generation >= (before[at] ?? 0) + 3),
    );
    assert.deepEqual(await store.db.query('select count(*) from fleet_transitions'), history);
  });

  test('when a container dies on one host, the rows of the other are unchanged', async () => {
    const before = await rowsOf(store.db, 'host-b');
    heard.length = 0;
    await a().engine.container('web-ssh').kill();
    await waitFor(async () => (await statesOf(store.db, 'host-a')).includes('web failed'));
    await waitFor(() => heard.some(({ channel }) => channel === 'decky.host-a:web.state'));
    const message = heard.find(({ channel }) => channel === 'decky.host-a:web.state')?.payload;
    assert.deepEqual(
      { ...message, id: typeof message?.id },
      {
        host_uuid: 'host-a',
        name: 'web',
        state: 'failed',
        transition: 'state_changed',
        previous_state: 'running',
        source: 'fleet',
        id: 'number',
      },
    );
    assert.deepEqual(await rowsOf(store.db, 'host-b'), before);
    assert.ok(!heard.some(({ channel }) => channel.startsWith('decky.host-b')));
    await a().engine.container('web-ssh').start();
    await waitFor(async () => (await statesOf(store.db, 'host-a')).includes('web running'));
  });

  test('a job for one host in the other’s queue fails and writes nothing', async () => {
    const backend = openTestQueues(store.redisUrl, store.db.url);
    const before = [await rowsOf(store.db, 'host-a'), await rowsOf(store.db, 'host-b')];
    const job = await backend.queue('reconcile.host-b').add('reconcile', { host_uuid: 'host-a' });
    await waitFor(async () => (await job.getState()) === 'failed');
    assert.deepEqual([await rowsOf(store.db, 'host-a'), await rowsOf(store.db, 'host-b')], before);
    await backend.close();
  });

  test('a one-shot for another host is run by its worker', async () => {
    const result = await jsonHere<JobResult>(['reconcile', '--once', '--json', '--host', 'host-b'], a().env);
    assert.deepEqual([result.host_uuid, result.inserted], ['host-b', 0]);
  });

  test('workers send heartbeats whose ts is a number of seconds', async () => {
    const beat = start([], { ...b().env, DECNET_HOST_UUID: 'host-d' }, 'worker.ts');
    await waitFor(() =>
      heard.some(
        ({ channel, payload }) => channel === 'system.reconciler.health' && payload.host_uuid === 'host-d',
      ),
    );
    const payload = heard.find(
      ({ payload }) => payload.host_uuid === 'host-d' && payload.worker === 'reconciler',
    )?.payload;
    assert.ok(Math.abs(Number(payload?.ts) - Date.now() / 1000) < 60 && typeof payload?.ts === 'number');
    // Its first heartbeat comes a moment before it serves its queue.
    const passes = `select from fleet_hosts where host_uuid = 'host-d' and last_pass_at is not null`;
    await waitFor(async () => (await store.db.query(passes)).length === 1);
    const stopped = await runHere(['stop', '--host', 'host-d'], a().env);
    assert.equal(stopped.code, 0, stopped.stderr);
    assert.match(stopped.stdout, /The worker of host host-d has stopped/);
    assert.equal((await beat.finished).code, 0);
    assert.match(
      (await runHere(['stop', '--host', 'host-d'], a().env)).stdout,
      /No worker of host host-d is running/,
    );
  });

  test('a stop without host_uuid between hosts is ignored, with a warning', async () => {
    const speaker = new Redis(store.redisUrl ?? '');
    await speaker.publish(
      redisChannel('system.reconciler.control', speaker.options.db ?? 0),
      JSON.stringify({ payload: { action: 'stop', requested_by: 'x', ts: 1 } }),
    );
    speaker.disconnect();
    await a().worker.said(/ignored a control message without host_uuid/);
    assert.equal(a().worker.child.exitCode, null);
  });

  test('a worker that is killed during a pass and restarted continues its queue', async () => {
    process.kill(b().engine.pid, 'SIGSTOP');
    await new Promise((done) => setTimeout(done, 1500));
    b().worker.child.kill('SIGKILL');
    await b().worker.finished;
    process.kill(b().engine.pid, 'SIGCONT');
    b().worker = start([], b().env, 'worker.ts');
    const scheduled = async (): Promise<boolean> => {
      const rows = await store.db.query(
        `select last_full_pass_at > now() - interval '3 seconds' as fresh, last_observed_at = last_full_pass_at as seen from fleet_hosts where host_uuid = 'host-b'`,
      );
      return rows[0]?.fresh === true && rows[0]?.seen === true;
    };
    await new Promise((done) => setTimeout(done, 3000));
    await waitFor(scheduled, 75_000);
  });

  test('forget refuses while the worker is running, asks first, and then retires the host', async () => {
    const last = start([], { ...b().env, DECNET_HOST_UUID: 'host-e' }, 'worker.ts');
    await waitFor(async () => (await statesOf(store.db, 'host-e')).length === 1);
    const refused = await runHere(['forget', '--host', 'host-e', '--yes'], a().env);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /The worker of host host-e is running\. Nothing was removed/);
    assert.equal((await runHere(['stop', '--host', 'host-e'], a().env)).code, 0);
    assert.equal((await last.finished).code, 0);
    const unasked = await cli(['forget', '--host', 'host-e'], a().env);
    assert.equal(unasked.code, 2);
    assert.match(unasked.stderr, /Add --yes/);
    const before = await rowsOf(store.db, 'host-a');
    const done = await runHere(['forget', '--host', 'host-e', '--yes'], a().env);
    assert.deepEqual([done.code, done.stdout], [0, 'Removed host host-e and 1 row.\n']);
    for (const table of ['fleet_deckies', 'fleet_hosts', 'fleet_transitions', 'fleet_alarms']) {
      assert.deepEqual(await store.db.query(`select 1 from ${table} where host_uuid = 'host-e'`), [], table);
    }
    assert.equal((await rowsOf(store.db, 'host-a')).length, before.length);
    assert.equal((await runHere(['forget', '--host', 'host-e', '--yes'], a().env)).code, 1);
    await new Promise((done) => setTimeout(done, 2500));
    const redis = new Redis(store.redisUrl ?? '');
    const left = await redis.keys('bull:reconcile.host-e:*').finally(() => redis.disconnect());
    assert.deepEqual(left, [], 'and the schedule does not bring it back');
  });
});
