import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRedis, queueBackend } from '../../src/queue/backend.ts';
import { redisServer } from '../support/servers.ts';
import { noStore } from '../support/stores.ts';
import { waitFor } from '../support/wait.ts';

test('a Redis that refuses writes is down until it takes them again, each time', {
  skip: noStore('redis'),
}, async () => {
  const server = await redisServer();
  const [connection, admin] = [openRedis(server.url), openRedis(server.url)];
  const told: boolean[] = [];
  const backend = queueBackend(
    { redis: connection, databaseUrl: 'postgresql://127.0.0.1:1/none' },
    { outage: (down) => void told.push(down) },
  );
  const back: number[] = [];
  backend.onRecovered(() => void back.push(told.length));
  try {
    const queue = backend.queue('reconcile.a');
    let done = 0;
    const worker = backend.worker('reconcile.a', async () => {
      done += 1;
    });
    void worker.run().catch(() => undefined);
    await queue.add('reconcile', { host_uuid: 'a' });
    await waitFor(() => done === 1);
    for (const round of [1, 2]) {
      await admin.config('SET', 'maxmemory', '1');
      await waitFor(() => told.length === 2 * round - 1, 60_000);
      await sleep(4000);
      // It answers all the while.
      await backend.check();
      assert.equal(told.length, 2 * round - 1);
      await admin.config('SET', 'maxmemory', '0');
      await waitFor(() => told.length === 2 * round);
      await queue.add('reconcile', { host_uuid: 'a' });
      await waitFor(() => done === round + 1);
    }
    assert.deepEqual(
      [told, back],
      [
        [true, false, true, false],
        [2, 4],
      ],
    );
  } finally {
    await backend.close();
    connection.disconnect();
    admin.disconnect();
    await server.remove();
  }
});
