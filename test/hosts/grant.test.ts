import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { JobResult } from '../../src/fleet/job.ts';
import { redisChannel } from '../../src/fleet/topics.ts';
import { queueBackend } from '../../src/queue/backend.ts';
import { type Env, start } from '../harness/cli.ts';
import { type Granted, granted } from '../harness/granted.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { rowsOf, statesOf } from '../harness/pass.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { noStore, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

describe('a worker that was granted one host', { skip: noStore('redis') }, () => {
  let store: TestStore;
  let host: TestHost;
  let master: Env;
  let mine: Granted;
  let worker: Env;
  const admin = () => new Redis(store.redisUrl ?? '');

  before(async () => {
    store = await testStore('redis');
    host = testHost();
    master = host.env({ ...store.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
    host.write([declaredDecky('web'), declaredDecky('mail')]);
    for (const name of ['mine', 'peer']) {
      await runHere(['reconcile', '--once'], { ...master, DECNET_HOST_UUID: name });
    }
    mine = await granted(store, master, 'mine');
    worker = host.env({ ...mine.settings, DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
  });
  after(async () => {
    await mine.remove();
    host.remove();
    await store.drop();
  });

  test('can read and write its own host’s rows, and no statement reaches a peer’s', async () => {
    const client = new pg.Client({ connectionString: worker.DATABASE_URL ?? '' });
    await client.connect();
    const before = await rowsOf(store.db, 'peer');
    const tables = ['fleet_deckies', 'fleet_hosts', 'fleet_transitions', 'fleet_gaps', 'fleet_alarms'];
    for (const table of tables) {
      const { rows } = await client.query(`select distinct host_uuid from ${table}`);
      assert.deepEqual(
        rows.filter(({ host_uuid }) => host_uuid !== 'mine'),
        [],
        table,
      );
    }
    assert.equal((await client.query('select 1 from fleet_deckies')).rowCount, 2);
    for (const statement of [
      `update fleet_deckies set state = 'failed' where host_uuid = 'peer'`,
      `update fleet_hosts set turn = 99 where host_uuid = 'peer'`,
      `update fleet_alarms set state = 'running' where host_uuid = 'peer'`,
      `select fleet_delete_deckies('peer', array['web'], array(select xmin::text from fleet_deckies))`,
    ]) {
      assert.equal((await client.query(statement)).rowCount, 0, statement);
    }
    for (const statement of [
      `delete from fleet_deckies where host_uuid = 'peer'`,
      `delete from fleet_transitions where host_uuid = 'peer'`,
      `update fleet_alarms set told = 'running' where host_uuid = 'peer'`,
      `insert into fleet_deckies (host_uuid, name, state) values ('peer', 'x', 'running')`,
      `insert into fleet_hosts (host_uuid) values ('another')`,
      `insert into fleet_transitions (host_uuid, name, reason) values ('peer', 'x', 'x')`,
      `insert into fleet_gaps values ('peer', now(), now())`,
      `insert into fleet_alarms values ('peer', 'x', 'failed', 'running', null, now(), now())`,
      'select * from fleet_notifications',
      `insert into fleet_notifications (host_uuid, body) values ('mine', '{}')`,
      `update fleet_deckies set host_uuid = 'peer'`,
      'select * from fleet_grants',
      `insert into fleet_grants values (session_user, 'peer')`,
      `delete from fleet_grants`,
      'alter table fleet_deckies disable row level security',
      'drop policy own_rows_only on fleet_deckies',
      'create or replace function fleet_granted_host() returns text language sql as $$ select null::text $$',
      `delete from fleet_hosts where host_uuid = 'mine'`,
      'truncate fleet_deckies',
      'set role decnet_fleet',
      'set session authorization decnet_fleet',
      'select * from fleet_migrations',
    ]) {
      await assert.rejects(
        client.query(statement),
        /row-level security|permission denied|must be owner|not permitted/,
        statement,
      );
    }
    await client.end();
    assert.deepEqual(await rowsOf(store.db, 'peer'), before);
  });

  test('no command accesses a key of a peer or the schedule, or discloses other keys', async () => {
    const master = admin();
    const keys = [
      'bull:reconcile.peer:id',
      'bull:reconcile.peer:wait',
      'bull:schedule:repeat',
      'bull:reconcile.mine2:id',
      'other',
    ];
    const backend = queueBackend({ redis: master, databaseUrl: store.db.url }, { outage: () => undefined });
    await backend.queue('reconcile.peer').add('reconcile', { host_uuid: 'peer' });
    const redis = new Redis(worker.REDIS_URL ?? '');
    const channel = (topic: string): string => redisChannel(topic, redis.options.db ?? 0);
    for (const key of keys) {
      for (const command of [
        ['get', key],
        ['set', key, 'x'],
        ['del', key],
        ['lrange', key, '0', '-1'],
        ['lpush', key, 'x'],
        ['zrange', key, '0', '-1'],
        ['hgetall', key],
        ['xadd', key, '*', 'a', 'b'],
        ['type', key],
        ['rename', 'bull:reconcile.mine:x', key],
        ['eval', `return redis.call('get', KEYS[1])`, '1', key],
        ['eval', `return redis.call('del', '${key}')`, '0'],
        ['eval', `return redis.pcall('get', '${key}').err or error('allowed')`, '0'],
      ]) {
        const [name = '', ...args] = command;
        const outcome = await redis.call(name, ...args).catch((error: unknown) => String(error));
        assert.match(String(outcome), /NOPERM|permission|can't access|denied/i, command.join(' '));
      }
    }
    for (const command of [
      ['keys', '*'],
      ['scan', '0'],
      ['randomkey'],
      ['dbsize'],
      ['flushall'],
      ['flushdb'],
      ['config', 'get', '*'],
      ['client', 'list'],
      ['client', 'kill', 'type', 'normal'],
      ['acl', 'list'],
      ['script', 'flush'],
      ['function', 'list'],
      ['monitor'],
      ['shutdown'],
      ['swapdb', '0', '1'],
      ['pubsub', 'channels'],
      ['publish', 'decky.peer:web.state', 'x'],
      ['publish', channel('decky.peer:web.state'), 'x'],
      ['publish', channel('decky.mine2:web.state'), 'x'],
      ['publish', channel('system.reconciler.control'), '{}'],
      ['publish', 'decky.mine2:web.state', 'x'],
      ['publish', 'system.reconciler.control', '{}'],
      ['save'],
      ['debug', 'sleep', '0'],
      ['replicaof', 'no', 'one'],
    ]) {
      const [name = '', ...args] = command;
      await assert.rejects(
        redis.call(name, ...args),
        /NOPERM|no permissions|not allowed/i,
        command.join(' '),
      );
    }
    await redis.call('publish', channel('decky.mine:web.state'), 'x');
    redis.disconnect();
    await backend.queue('reconcile.peer').obliterate({ force: true });
    await backend.close();
    master.disconnect();
  });

  test('works with these privileges: jobs, the schedule, changes, passes of an hour', async () => {
    const running = start([], { ...worker, DECNET_INTERVAL: '1' }, 'worker.ts');
    const scheduler = start([], { ...master, DECNET_INTERVAL: '1' }, 'scheduler.ts');
    const generation = async (): Promise<number> =>
      Number((await store.db.query(`select turn::int from fleet_hosts where host_uuid = 'mine'`))[0]?.turn);
    await waitFor(async () => (await generation()) >= 5);
    host.write([declaredDecky('web'), declaredDecky('new')]);
    await waitFor(async () => (await statesOf(store.db, 'mine')).join() === 'new pending,web pending');

    // An hour at the default interval has 120 passes.
    const backend = openTestQueues(store.redisUrl, store.db.url);
    const queue = backend.queue('reconcile.mine');
    await queue.addBulk(
      Array.from({ length: 120 }, () => ({ name: 'reconcile', data: { host_uuid: 'mine' } })),
    );
    await waitFor(async () => (await queue.getJobCounts('waiting', 'active')).waiting === 0, 60_000);
    assert.deepEqual(
      (await queue.getFailed(0, 9)).map(({ failedReason }) => failedReason),
      [],
    );
    const result = await jsonHere<JobResult>(['reconcile', '--once', '--json', '--host', 'mine'], master);
    assert.equal(result.host_uuid, 'mine');
    await backend.close();

    const stopped = await runHere(['stop', '--host', 'mine'], master);
    assert.deepEqual([stopped.code, stopped.stderr], [0, '']);
    const [mine] = await store.db.query(`select stopped_by from fleet_hosts where host_uuid = 'mine'`);
    assert.match(String(mine?.stopped_by), /decnet-fleet stop/);
    scheduler.child.kill('SIGTERM');
    assert.equal((await running.finished).code, 0);
    assert.equal((await scheduler.finished).code, 0);
    assert.doesNotMatch(running.output(), /NOPERM|permission/);
  });
});
