import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../src/database/database.ts';
import { postgresLedger } from '../../src/database/ledger/ledger.ts';
import { openDatabase } from '../../src/database/orm.ts';
import { dockerEngine } from '../../src/docker/engine.ts';
import { queueName } from '../../src/fleet/job.ts';
import { createLog } from '../../src/lib/log.ts';
import { noHearing } from '../../src/pass/observe.ts';
import type { QueueBackend } from '../../src/queue/backend.ts';
import { startScheduler } from '../../src/queue/schedule.ts';
import { type HostWorker, startHostWorker } from '../../src/worker/host.ts';
import type { Watcher } from '../../src/worker/triggers.ts';
import { declared } from '../harness/facts.ts';
import { type FakeEngine, fakeEngine } from '../harness/fake-engine.ts';
import { settingsOf } from '../harness/hostile-engine.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { noStore, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const quiet: Watcher = { start: () => ({ ready: Promise.resolve(), close: async () => undefined }) };

describe('many hosts', { skip: noStore('redis') }, () => {
  let store: TestStore;
  let backend: QueueBackend;
  let database: Database;
  let engine: FakeEngine;
  before(async () => {
    store = await testStore('redis');
    backend = openTestQueues(store.redisUrl, store.db.url);
    database = await openDatabase(store.db.url, { poolMax: 10 });
    engine = await fakeEngine();
  });
  after(async () => {
    await backend.close();
    await database.close();
    await engine.stop();
    await store.drop();
  });

  test('a hundred at an interval of a second, until each has had fifteen: every pass happens, spread evenly, none twice', async () => {
    const docker = dockerEngine(settingsOf(engine));
    const ledger = postgresLedger(database, { version: 'test', historyDays: 30, intervalSeconds: 30 });
    const names = Array.from({ length: 100 }, (_, at) => `host-${at}`);
    const passes = new Map<string, number[]>(names.map((name) => [name, []]));
    const workers: HostWorker[] = names.map((host) =>
      startHostWorker({
        host,
        version: 'test',
        ports: {
          ledger,
          engine: docker,
          machine: { identity: async () => host },
          stateFile: { path: '/x', read: async () => declared() },
          hearing: noHearing,
          decnet: null,
          bus: { publish: () => undefined },
        },
        bus: { publish: () => undefined, subscribe: () => undefined, close: async () => undefined },
        backend,
        graceSeconds: 300,
        rolloutSeconds: 0,
        intervalSeconds: 1000,
        log: createLog('silent'),
        watchers: { docker: quiet, file: quiet },
        onPass: ({ cause }) => {
          if (cause === 'schedule') passes.get(host)?.push(performance.now());
        },
      }),
    );
    const scheduler = startScheduler(backend, {
      hosts: async () => names.map((host) => ({ host, intervalMs: 1000 })),
      intervalMs: 1000,
      onError: (error) => assert.fail(String(error)),
    });
    const fewest = 15;
    let seconds = 0;
    try {
      await sleep(5000);
      for (const times of passes.values()) times.length = 0;
      const from = performance.now();
      // The machine may be busy: a pass that is late skips a slot, and never makes up for it with a second one.
      const isThrough = () => [...passes.values()].every((times) => times.length >= fewest);
      await waitFor(isThrough, 5000 * fewest);
      seconds = (performance.now() - from) / 1000;
    } finally {
      await scheduler.close();
      await Promise.all(workers.map((worker) => worker.close()));
    }
    const counts = [...passes.values()].map((times) => times.length);
    const sum = counts.reduce((total, count) => total + count, 0);
    // One more at each end of the window, and one that was late from before it; a duplicate schedule gives twice as many.
    assert.ok(Math.max(...counts) <= Math.ceil(seconds) + 3, `duplicates: ${counts.join(' ')}`);
    const tenths = new Array<number>(10).fill(0);
    for (const at of [...passes.values()].flat())
      tenths[Math.floor((at % 1000) / 100)] = (tenths[Math.floor((at % 1000) / 100)] ?? 0) + 1;
    // Evenly means a tenth of them in each tenth of the second; on a busy machine some are late.
    for (const count of tenths) assert.ok(count < sum * 0.3, `bunched: ${tenths.join(' ')}`);
  });

  test('a host that is dead for a hundred intervals: no accumulated jobs, and one pass on its return', async () => {
    const scheduler = startScheduler(backend, {
      hosts: async () => [{ host: 'dead', intervalMs: 100 }],
      intervalMs: 100,
      onError: (error) => assert.fail(String(error)),
    });
    await sleep(10_500);
    await scheduler.close();
    await backend.queue('schedule').removeJobScheduler('reconcile');
    const queue = backend.queue(queueName('dead'));
    const counts = await queue.getJobCounts('waiting', 'delayed', 'active', 'prioritized');
    assert.equal(
      Object.values(counts).reduce((total, count) => total + count, 0),
      1,
      JSON.stringify(counts),
    );
    const done: unknown[] = [];
    const worker = backend.worker(queueName('dead'), async ({ data }) => void done.push(data));
    void worker.run();
    await waitFor(() => done.length > 0);
    await sleep(500);
    assert.deepEqual(done, [{ host_uuid: 'dead', cause: 'schedule' }]);
    await worker.close();
  });
});
