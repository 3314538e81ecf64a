import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { QueueBackend } from '../../src/queue/backend.ts';
import type { Env } from '../harness/cli.ts';
import { runningWeb } from '../harness/docker.ts';
import { type FakeEngine, fakeEngine } from '../harness/fake-engine.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { statesOf } from '../harness/pass.ts';
import { runHere } from '../harness/run-here.ts';
import { noStore, stores, type TestStore, testStore } from '../harness/stores.ts';

for (const kind of stores) {
  describe(`a plan beside jobs that wait, queues on ${kind}`, { skip: noStore(kind) }, () => {
    let store: TestStore;
    let host: TestHost;
    let engine: FakeEngine;
    let env: Env;
    let backend: QueueBackend;
    before(async () => {
      store = await testStore(kind);
      host = testHost();
      host.write([declaredDecky('web', ['ssh'])]);
      engine = await fakeEngine([runningWeb]);
      env = host.env({ ...store.env, DOCKER_HOST: engine.host });
      backend = openTestQueues(store.redisUrl, store.db.url);
      await backend.prepare();
    });
    after(async () => {
      await backend.close();
      await engine.stop();
      host.remove();
      await store.drop();
    });

    test('it writes nothing, and leaves them to a worker', async () => {
      const queue = backend.queue('reconcile.local');
      const { id = '' } = await queue.add('reconcile', { host_uuid: 'local' });
      const { code, stdout, stderr } = await runHere(['plan'], env);
      assert.equal(code, 2, stdout + stderr);
      assert.match(stdout, /web\s+insert as running/);
      assert.deepEqual(await statesOf(store.db), []);
      assert.match((await queue.getJob(id).then((job) => job?.getState())) ?? 'gone', /^(waiting|delayed)$/);
      // The next worker of the host runs it, at the latest when it is due.
      assert.equal((await runHere(['reconcile', '--once'], env)).code, 0);
      assert.deepEqual(await statesOf(store.db), ['web running']);
    });
  });
}
