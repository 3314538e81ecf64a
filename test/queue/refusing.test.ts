import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRedis, queueBackend } from '../../src/queue/backend.ts';
import { redisServer } from '../harness/servers.ts';
import { noStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

/** One name for a Redis that moves: new connections go where it is now, those that are open stay. */
async function oneName(first: string) {
  let target = new URL(first);
  const server = createServer((socket) => {
    const onward = connect(Number(target.port), target.hostname);
    socket.on('error', () => onward.destroy()).pipe(onward);
    onward.on('error', () => socket.destroy()).pipe(socket);
    socket.on('close', () => onward.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    moveTo: (url: string) => {
      target = new URL(url);
    },
    close: () => server.close(),
  };
}

// Each has servers of its own.
describe('a Redis', { skip: noStore('redis'), concurrency: true }, () => {
  test('that refuses writes is down until it takes them again, each time', async () => {
    const server = await redisServer();
    const [connection, admin] = [openRedis(server.url), openRedis(server.url)];
    const outages: boolean[] = [];
    const backend = queueBackend(
      { redis: connection, databaseUrl: 'postgresql://127.0.0.1:1/none' },
      { outage: (down) => void outages.push(down) },
    );
    const back: number[] = [];
    backend.onRecovered(() => void back.push(outages.length));
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
        await waitFor(() => outages.length === 2 * round - 1, 60_000);
        await sleep(4000);
        // It answers all the while.
        await backend.check();
        assert.equal(outages.length, 2 * round - 1);
        await admin.config('SET', 'maxmemory', '0');
        await waitFor(() => outages.length === 2 * round);
        await queue.add('reconcile', { host_uuid: 'a' });
        await waitFor(() => done === round + 1);
      }
      assert.deepEqual(
        [outages, back],
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

  test('that another one takes over from, behind one name, is found again by those that write and those that wait', async () => {
    const [old, next] = [await redisServer(), await redisServer()];
    const name = await oneName(old.url);
    const [connection, atOld, atNext] = [openRedis(name.url), openRedis(old.url), openRedis(next.url)];
    const outages: boolean[] = [];
    const backend = queueBackend(
      { redis: connection, databaseUrl: 'postgresql://127.0.0.1:1/none' },
      { outage: (down) => void outages.push(down) },
    );
    try {
      const port = (url: string): string => new URL(url).port;
      await atNext.replicaof('127.0.0.1', port(old.url));
      const queue = backend.queue('reconcile.a');
      const done: string[] = [];
      const worker = backend.worker('reconcile.a', async (job) => void done.push(job.data.host_uuid));
      void worker.run().catch(() => undefined);
      await queue.add('reconcile', { host_uuid: 'before' });
      await waitFor(() => done.length === 1);
      await waitFor(async () => /master_link_status:up/.test(await atNext.info('replication')));
      // As Sentinel and managed services do: the old one goes on, read-only, and nobody's connection ends.
      name.moveTo(next.url);
      await atNext.call('REPLICAOF', 'NO', 'ONE');
      await atOld.replicaof('127.0.0.1', port(next.url));
      await waitFor(async () => {
        await queue.add('reconcile', { host_uuid: 'after' });
        return true;
      }, 60_000);
      await waitFor(() => done.includes('after'), 60_000);
      assert.ok((await atNext.keys('bull:reconcile.a:*')).length > 0);
      await waitFor(() => outages.at(-1) !== true, 60_000);
    } finally {
      await backend.close();
      for (const one of [connection, atOld, atNext]) one.disconnect();
      name.close();
      for (const one of [old, next]) await one.remove();
    }
  });
});
