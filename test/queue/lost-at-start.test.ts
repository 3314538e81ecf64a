import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openRedis, queueBackend } from '../../src/queue/backend.ts';
import { cutProxy } from '../harness/cut.ts';
import { noStore, type StoreKind, stores, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

/** Loses one connection: of Redis the first one of all, or for both stores the first one of the worker. */
async function works(kind: StoreKind, lost: 'first' | 'worker', request: number): Promise<void> {
  const store = await testStore(kind);
  const cable = await cutProxy(store.redisUrl ?? store.db.url, store.redisUrl === null ? 5432 : 6379);
  if (lost === 'first') cable.endNextAt(request);
  const connection = store.redisUrl === null ? null : openRedis(cable.url);
  const backend = queueBackend(
    { redis: connection, databaseUrl: connection === null ? cable.url : store.db.url },
    { outage: () => undefined },
  );
  try {
    const queue = backend.queue('reconcile.a');
    const done: unknown[] = [];
    if (lost === 'worker') {
      await backend.prepare();
      await queue.waitUntilReady();
      cable.endNextAt(request);
    }
    const worker = backend.worker('reconcile.a', async ({ data }) => void done.push(data.host_uuid));
    void worker.run().catch(() => undefined);
    await waitFor(() => cable.hasEnded());
    await queue.add('reconcile', { host_uuid: 'a' });
    await waitFor(() => done.length > 0, 60_000);
    assert.deepEqual(done, ['a']);
  } finally {
    await backend.close();
    connection?.disconnect();
    await cable.close();
    await store.drop();
  }
}

for (const kind of stores)
  describe(`a worker, queues on ${kind}`, { skip: noStore(kind), concurrency: true }, () => {
    for (const request of [0, 1, 2, 3]) {
      test(`whose connection ends at its request ${request} takes jobs`, () =>
        works(kind, 'worker', request));
      if (kind === 'redis')
        test(`after the first connection of the process ended at its request ${request} takes jobs`, () =>
          works(kind, 'first', request));
    }
  });
