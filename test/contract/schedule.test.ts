import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRedis, type QueueBackend } from '../../src/queue/backend.ts';
import { startScheduler } from '../../src/queue/schedule.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { noStore, type StoreKind, stores, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

/** Milliseconds between two checks at the schedule: else these tests would mostly wait for them. */
const repairEveryMs = 2000;

/** What a test has for itself: a store, and processes that use it. */
interface Rig {
  readonly store: TestStore;
  /** As a process of its own has it. */
  connect(): Promise<QueueBackend>;
  schedule(hosts: readonly string[], intervalMs: number, errors?: unknown[]): Promise<void>;
  /** Closed at the end, the last one first. */
  readonly open: { close(): Promise<void> }[];
}

/** A test with a store of its own: tests do not disturb one another. */
const withRig = (kind: StoreKind, body: (rig: Rig) => Promise<void>) => async (): Promise<void> => {
  const store = await testStore(kind);
  const open: { close(): Promise<void> }[] = [];
  const connect: Rig['connect'] = async () => {
    const backend = openTestQueues(store.redisUrl, store.db.url);
    open.push(backend);
    await backend.prepare();
    return backend;
  };
  const schedule: Rig['schedule'] = async (hosts, intervalMs, errors = []) => {
    const backend = await connect();
    open.push(
      startScheduler(backend, {
        hosts: async () => hosts.map((host) => ({ host, intervalMs })),
        intervalMs,
        repairEveryMs,
        onError: (error) => void errors.push(error),
      }),
    );
  };
  try {
    await body({ store, connect, schedule, open });
  } finally {
    for (const one of open.reverse()) await one.close();
    await store.drop();
  }
};

// They mostly wait: all of both stores run beside one another.
describe('the schedule', { concurrency: true }, () => {
  for (const kind of stores)
    describe(`on ${kind}`, { skip: noStore(kind) }, () => {
      test(
        'gives each host its pass in each round, wherever its slot lies',
        withRig(kind, async ({ connect, schedule }) => {
          // Each worker on PostgreSQL keeps a connection of this process's pool.
          const names = Array.from({ length: kind === 'postgres' ? 4 : 12 }, (_, at) => `host-${at}`);
          const backend = await connect();
          const counts = new Map<string, number>();
          for (const name of names)
            void backend
              .worker(`reconcile.${name}`, async () => void counts.set(name, (counts.get(name) ?? 0) + 1))
              .run()
              .catch(() => undefined);
          await schedule(names, 2000);
          await waitFor(() => [...counts.values()].some((count) => count >= 7), 60_000);
          await sleep(2200);
          const few = names.filter((name) => (counts.get(name) ?? 0) < 7);
          assert.deepEqual(few, [], JSON.stringify([...counts]));
          for (const name of names)
            assert.equal(await backend.queue(`reconcile.${name}`).getDelayedCount(), 0);
        }),
      );

      test(
        'is not undone by schedulers that need rounds of another length, and is by hand only for a moment',
        withRig(kind, async ({ connect, schedule }) => {
          const errors: unknown[] = [];
          await schedule([], 3000, errors);
          await schedule([], 30_000, errors);
          const queue = (await connect()).queue('schedule');
          const every = async () => (await queue.getJobSchedulers()).map((found) => found.every).join();
          await waitFor(async () => (await every()) === '3000');
          // Longer than each of them takes to check it again.
          for (let at = 0; at < 10; at++) {
            assert.equal(await every(), '3000');
            await sleep(repairEveryMs / 4);
          }
          await queue.upsertJobScheduler('reconcile', { every: 1000 }, { name: 'round', data: {} });
          await waitFor(async () => (await every()) === '3000', 40_000);
          assert.deepEqual(errors, []);
        }),
      );

      test(
        'goes on after a question for the hosts that nobody answers',
        withRig(kind, async ({ connect, open }) => {
          const backend = await connect();
          let passes = 0;
          void backend
            .worker('reconcile.a', async () => void passes++)
            .run()
            .catch(() => undefined);
          let asked = 0;
          open.push(
            startScheduler(await connect(), {
              // The first question is that of the schedule itself.
              hosts: async () =>
                ++asked % 5 === 2 ? new Promise(() => undefined) : [{ host: 'a', intervalMs: 1000 }],
              intervalMs: 1000,
              repairEveryMs,
              onError: () => undefined,
            }),
          );
          await waitFor(() => passes >= 3 && asked > 7, 90_000);
        }),
      );

      test(
        'is not duplicated by rounds that somebody made longer by hand',
        withRig(kind, async ({ connect, schedule }) => {
          await schedule(['a'], 2000);
          await schedule(['a'], 2000);
          const backend = await connect();
          const queue = backend.queue('schedule');
          const passes: number[] = [];
          void backend
            .worker('reconcile.a', async () => void passes.push(performance.now()))
            .run()
            .catch(() => undefined);
          const every = async () => (await queue.getJobSchedulers()).map((found) => found.every).join();
          await waitFor(async () => (await every()) === '2000');
          // Its first round is due at once, and each scheduler takes one.
          for (const _ of [1, 2]) {
            await queue.upsertJobScheduler('reconcile', { every: 600_000 }, { name: 'round', data: {} });
            await waitFor(async () => (await every()) === '2000', 40_000);
          }
          await sleep(3000);
          const from = performance.now();
          await sleep(12_000);
          const made = passes.filter((at) => at >= from).length;
          assert.ok(made >= 4 && made <= 8, `${made} passes where 6 were due`);
        }),
      );

      if (kind === 'postgres') return;
      test(
        'serves the other hosts when one host’s queue takes nothing',
        withRig(kind, async ({ store, connect, schedule }) => {
          const errors: unknown[] = [];
          const backend = await connect();
          const redis = openRedis(store.redisUrl ?? '');
          for (const key of ['wait', 'meta', 'id', 'marker'])
            await redis.set(`bull:reconcile.broken:${key}`, 'x');
          redis.disconnect();
          await schedule(['a', 'broken', 'c'], 1000, errors);
          for (const name of ['a', 'c'])
            await waitFor(async () => (await backend.queue(`reconcile.${name}`).getWaitingCount()) === 1);
          assert.deepEqual(errors, []);
        }),
      );
    });
});
