import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Env, type Running, start } from '../harness/cli.ts';
import { type TestDatabase, testDatabase } from '../harness/database.ts';
import { type FakeEngine, fakeEngine } from '../harness/fake-engine.ts';
import { type TestHost, testHost } from '../harness/host.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { redisServer, type Server } from '../harness/servers.ts';
import { noStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

/** One fleet: its own database, and its workers' environment. */
interface TestFleet {
  readonly db: TestDatabase;
  readonly host: TestHost;
  readonly env: Env;
}

// Each test has a Redis and fleets of its own.
describe('a Redis that is not ours alone', { skip: noStore('redis'), concurrency: 2 }, () => {
  let engine: FakeEngine;
  const servers: Server[] = [];
  const fleets: TestFleet[] = [];
  const workers: Running[] = [];
  before(async () => {
    engine = await fakeEngine();
  });
  after(async () => {
    // Those of a test that failed.
    for (const { child } of workers) child.kill('SIGKILL');
    await Promise.all(workers.map(({ finished }) => finished));
    for (const { db, host } of fleets) {
      host.remove();
      await db.drop();
    }
    for (const server of servers) await server.remove();
    await engine.stop();
  });

  const redis = async (settings: readonly string[] = []): Promise<Server> => {
    const server = await redisServer(settings);
    servers.push(server);
    return server;
  };
  const fleet = async (redisUrl: string): Promise<TestFleet> => {
    const [db, host] = [await testDatabase(), testHost()];
    host.write([]);
    const env = host.env({ DATABASE_URL: db.url, REDIS_URL: redisUrl, DOCKER_HOST: engine.host });
    const made = { db, host, env };
    fleets.push(made);
    return made;
  };
  const startWorker = async ({ db, env }: TestFleet): Promise<Running> => {
    const worker = start([], env, 'worker.ts');
    workers.push(worker);
    await waitFor(
      async () => (await db.query('select from fleet_hosts where last_full_pass_at is not null')).length > 0,
    );
    return worker;
  };
  const end = async (worker: Running): Promise<number | null> => {
    worker.child.kill('SIGTERM');
    return (await worker.finished).code;
  };

  test('two fleets in two logical databases: a stop message to one worker does not stop the other', async () => {
    const { url } = await redis();
    const [first, second] = [await fleet(`${url}/0`), await fleet(`${url}/1`)];
    const both = [await startWorker(first), await startWorker(second)] as const;
    for (const [at, one] of [second, first].entries()) {
      const { code, stdout } = await runHere(['stop', '--host', 'local'], one.env);
      assert.equal(code, 0);
      assert.match(stdout, /has stopped/);
      const [ended, other] = at === 0 ? [both[1], both[0]] : [both[0], both[1]];
      assert.equal((await ended.finished).code, 0);
      if (at > 0) break;
      // The message was published to all at the same time.
      await new Promise((done) => setTimeout(done, 2000));
      assert.equal(other.child.exitCode, null);
      await jsonHere(['reconcile', '--once', '--json'], first.env);
    }
  });

  for (const [what, settings] of [
    ['CLIENT is renamed', ['--rename-command', 'CLIENT', '']],
    ['CLIENT is forbidden', ['--user', 'default', 'on', 'nopass', '~*', '&*', '+@all', '-client|list']],
  ] as const) {
    test(`${what}: running workers are detected`, async () => {
      const one = await fleet((await redis(settings)).url);
      await one.db.query(`insert into fleet_hosts (host_uuid) values ('local')`);
      const none = await runHere(['stop', '--host', 'local'], one.env);
      assert.match(none.stdout, /No worker of host local is running/);
      const worker = await startWorker(one);
      // By the running worker: this command has another file, and would delete the rows.
      one.host.write([{ name: 'web', ip: '192.0.2.7', services: ['ssh'], host_uuid: null }]);
      const elsewhere = testHost();
      elsewhere.write([]);
      const result = await runHere(['reconcile', '--once', '--json'], { ...one.env, ...elsewhere.env({}) });
      assert.equal(result.code, 0, result.stderr);
      assert.equal((await one.db.query('select from fleet_deckies')).length, 1);
      elsewhere.remove();
      const forgotten = await runHere(['forget', '--host', 'local', '--yes'], one.env);
      assert.equal(forgotten.code, 1);
      assert.match(forgotten.stderr, /The worker of host local is running/);
      const stopped = await runHere(['stop', '--host', 'local'], one.env);
      assert.equal(stopped.code, 0, stopped.stderr);
      assert.match(stopped.stdout, /has stopped/);
      assert.equal((await worker.finished).code, 0);
      // Without a worker the command itself runs the pass.
      const alone = await jsonHere<{ deleted: number }>(['reconcile', '--once', '--json'], one.env);
      assert.equal(alone.deleted, 0);
      assert.equal((await runHere(['forget', '--host', 'local', '--yes'], one.env)).code, 0);
    });
  }

  test('a worker that was killed is not counted for long', async () => {
    const one = await fleet((await redis(['--rename-command', 'CLIENT', ''])).url);
    const worker = await startWorker(one);
    worker.child.kill('SIGKILL');
    await worker.finished;
    await waitFor(
      async () => (await runHere(['forget', '--host', 'local', '--yes'], one.env)).code === 0,
      80_000,
    );
    assert.equal(await end(await startWorker(one)), 0);
  });
});
