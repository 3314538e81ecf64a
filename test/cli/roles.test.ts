import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { type Env, type Running, start } from '../harness/cli.ts';
import { runningWeb } from '../harness/docker.ts';
import { type FakeEngine, fakeEngine } from '../harness/fake-engine.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { statesOf } from '../harness/pass.ts';
import { runHere } from '../harness/run-here.ts';
import { noStore, stores, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

for (const kind of stores) {
  describe(`the processes of many hosts as commands, queues on ${kind}`, { skip: noStore(kind) }, () => {
    let store: TestStore;
    let host: TestHost;
    let engine: FakeEngine;
    let env: Env;
    let running: Running[] = [];
    before(async () => {
      store = await testStore(kind);
      host = testHost();
      host.write([declaredDecky('web', ['ssh'])]);
      engine = await fakeEngine([runningWeb]);
      env = host.env({ ...store.env, DOCKER_HOST: engine.host, DECNET_INTERVAL: '1' });
    });
    after(async () => {
      await engine.stop();
      host.remove();
      await store.drop();
    });
    afterEach(async () => {
      for (const one of running) one.child.kill('SIGKILL');
      await Promise.all(running.map(({ finished }) => finished));
      running = [];
    });
    const begin = (...args: string[]): Running => {
      const one = start(args, env);
      running.push(one);
      return one;
    };

    test('a worker and a scheduler keep the table, and end when they are asked to', async () => {
      const both = [begin('scheduler'), begin('worker')];
      await waitFor(async () => (await statesOf(store.db)).join() === 'web running');
      host.write([declaredDecky('web', ['ssh']), declaredDecky('mail', ['smtp'])]);
      await waitFor(async () => (await statesOf(store.db)).join() === 'mail torn_down,web running');
      for (const one of both) one.child.kill('SIGTERM');
      for (const one of both) assert.equal((await one.finished).code, 0);
    });

    test('worker --drain runs what waits, and ends', async () => {
      await store.db.query('delete from fleet_deckies');
      const request = runHere(['reconcile', '--once', '--timeout', '60', '--host', 'local'], env);
      const drained = begin('worker', '--drain');
      assert.equal((await drained.finished).code, 0);
      assert.equal((await request).code, 0);
      assert.deepEqual(await statesOf(store.db), ['mail torn_down', 'web running']);
    });

    test('a wrong option is one clear line', async () => {
      for (const [args, why] of [
        [['worker', '--drian'], /unknown option '--drian'[\s\S]*Did you mean --drain\?/],
        [['scheduler', 'now'], /too many arguments for 'scheduler'/],
      ] as const) {
        const { code, stderr } = await runHere([...args], env);
        assert.equal(code, 2, stderr);
        assert.match(stderr, why);
      }
    });
  });
}
