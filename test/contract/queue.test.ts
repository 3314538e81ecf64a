import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type JobData, type JobResult, queueName } from '../../src/fleet/job.ts';
import { createLog, type Log } from '../../src/lib/log.ts';
import { openRedis, type QueueBackend, queueBackend } from '../../src/queue/backend.ts';
import { isWorkerRunning, requestPass } from '../../src/queue/request.ts';
import { startScheduler } from '../../src/queue/schedule.ts';
import { type HostWorker, startHostWorker } from '../../src/worker/host.ts';
import type { Watcher } from '../../src/worker/triggers.ts';
import { decky, declared, seen, serviceOf } from '../harness/facts.ts';
import { type Bench, bench, statesOf } from '../harness/pass.ts';
import { noStore, stores, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

// Each kind has a store of its own, and mostly waits.
describe('the queues', { concurrency: true }, () => {
  for (const kind of stores) {
    describe(`on ${kind}`, { skip: noStore(kind), concurrency: 1 }, () => {
      let store: TestStore;
      let it: Bench;
      let backend: QueueBackend;
      let redis: Redis | null;
      const workers: HostWorker[] = [];
      before(async () => {
        store = await testStore(kind);
        it = await bench();
      });
      after(async () => {
        await it.close();
        await store.drop();
      });
      beforeEach(async () => {
        redis = store.redisUrl === null ? null : openRedis(store.redisUrl);
        backend = queueBackend({ redis, databaseUrl: store.db.url }, { outage: () => undefined });
        await backend.prepare();
      });
      afterEach(async () => {
        for (const worker of workers.splice(0)) await worker.close();
        for (const name of [queueName('local'), queueName('peer'), 'schedule']) {
          await backend
            .queue(name)
            .obliterate({ force: true })
            .catch(() => undefined);
        }
        await backend.close();
        redis?.disconnect();
      });

      const quiet: Watcher = { start: () => ({ ready: Promise.resolve(), close: async () => undefined }) };
      const work = async (
        more: { host?: string; follows?: boolean; grace?: number; interval?: number; log?: Log } = {},
      ) => {
        const { host = 'local', follows = false, grace = 300, interval = 30 } = more;
        const worker = startHostWorker({
          host,
          version: 'test',
          ports: it.ports,
          bus: { publish: () => undefined, subscribe: () => undefined, close: async () => undefined },
          backend,
          graceSeconds: grace,
          rolloutSeconds: 0,
          intervalSeconds: interval,
          log: more.log ?? createLog('silent'),
          watchers: follows ? { docker: quiet, file: quiet } : null,
        });
        workers.push(worker);
        await worker.ready();
        return worker;
      };
      /** Another worker holds the lock of a job. */
      const takeLock = async (id: string): Promise<void> => {
        if (redis !== null)
          await redis.set(backend.queue(queueName('local')).toKey(`${id}:lock`), 'other', 'PX', 6000);
        else await store.db.query(`update bullmq.job set lock_token = 'other' where id = $1`, [id]);
      };
      const manual: JobData = { host_uuid: 'local', cause: 'manual' };
      const countJobs = async (host: string): Promise<number> => {
        const counts = await backend
          .queue(queueName(host))
          .getJobCounts('waiting', 'delayed', 'active', 'prioritized');
        return Object.values(counts).reduce((sum, count) => sum + count, 0);
      };

      test('a pass is a job, and the job’s result is the result of the pass', async () => {
        await work();
        it.desired = declared(decky('web'));
        it.observed = seen(serviceOf('web', 'ssh'));
        const result = await requestPass(backend, manual, 30_000);
        assert.deepEqual(
          { ...result, duration_ms: 0, job_id: typeof result.job_id },
          {
            host_uuid: 'local',
            job_id: 'string',
            inserted: 1,
            deleted: 0,
            state_updated: 0,
            config_updated: 0,
            held: 0,
            contested: [],
            docker: 'ok',
            duration_ms: 0,
            dry_run: false,
          },
        );
        assert.deepEqual(await statesOf(it.db), ['web running']);
      });

      test('a job says which machine ran it, and what changed; finished jobs are counted for charts', async () => {
        await work();
        it.desired = declared(decky('web'), decky('mail'));
        it.observed = seen(serviceOf('web', 'ssh'));
        const { job_id: id } = await requestPass(backend, manual, 30_000);
        const queue = backend.queue(queueName('local'));
        assert.equal((await queue.getJob(id))?.processedBy, hostname());
        const { logs } = await queue.getJobLogs(id);
        assert.deepEqual(logs.toSorted(), ['mail: new → torn_down: no container']);
        await waitFor(async () => (await queue.getMetrics('completed')).meta.count > 0);
        const { job_id: again } = await requestPass(backend, manual, 30_000);
        assert.deepEqual((await queue.getJobLogs(again)).logs, []);
      });

      test('a pass whose lock was lost writes nothing; its job runs again', async () => {
        it.desired = declared(decky('web'), decky('mail'), decky('late'));
        it.observed = seen();
        let asked = 0;
        const first = Promise.withResolvers<void>();
        const { list } = it.ports.engine;
        it.ports.engine = {
          list: async (...args) => {
            asked += 1;
            if (asked === 1) await first.promise;
            return list(...args);
          },
        };
        try {
          await work();
          const queue = backend.queue(queueName('local'));
          const job = await queue.add('reconcile', manual);
          await waitFor(() => asked === 1);
          const { turn } =
            (await it.db.query<{ turn: string }>('select turn from fleet_hosts'))[0] ?? assert.fail();
          await takeLock(job.id ?? '');
          // It is renewed each 2.5 s.
          await sleep(4000);
          first.resolve();
          await waitFor(async () => (await queue.getJob(job.id ?? ''))?.finishedOn !== undefined, 60_000);
          assert.equal((await queue.getJob(job.id ?? ''))?.returnvalue.inserted, 1);
          const [after] = await it.db.query<{ turn: string }>('select turn from fleet_hosts');
          assert.equal(Number(after?.turn), Number(turn) + 1, 'the first pass wrote, too');
        } finally {
          it.ports.engine = { list };
        }
      });

      test('the latency of an event counts from its enqueuing', async () => {
        it.desired = declared(decky('web'));
        it.observed = seen();
        const asked = requestPass(backend, { host_uuid: 'local', cause: 'file' }, 30_000);
        await sleep(300);
        await work();
        await asked;
        const [host] = await it.db.query<{ count: number; sum: number }>(
          `select l.* from fleet_hosts, jsonb_to_record(figures -> 'event_latency') as l(count int, sum float8)`,
        );
        assert.equal(host?.count, 1);
        // The job was enqueued a little later than it was requested.
        assert.ok(host.sum > 0.1 && host.sum < 20, String(host.sum));
      });

      test('a worker is detected while it runs', async () => {
        assert.equal(await isWorkerRunning(backend, 'local'), false);
        const worker = await work();
        await waitFor(() => isWorkerRunning(backend, 'local'));
        assert.equal(await isWorkerRunning(backend, 'peer'), false);
        await worker.close();
        workers.length = 0;
        await waitFor(async () => !(await isWorkerRunning(backend, 'local')));
      });

      test('without a worker the job is removed after the time-out', async () => {
        await assert.rejects(requestPass(backend, { host_uuid: 'peer' }, 300), {
          code: 'JOB_TIMED_OUT',
          message: /No worker of host peer took the job within/,
        });
        assert.equal(await countJobs('peer'), 0);
      });

      test('a job that is not for this host is refused and writes nothing', async () => {
        await work();
        const before = await it.db.query('select *, xmin::text from fleet_hosts');
        const queue = backend.queue(queueName('local'));
        for (const data of [
          { host_uuid: 'peer' },
          { host_uuid: 'local', extra: 1 },
          42,
          'local',
          { host_uuid: {} },
        ]) {
          const job = await queue.add('reconcile', data);
          await waitFor(async () => (await job.getState()) === 'failed');
          const [found] = await queue.getFailed(0, 0);
          assert.match(
            found?.failedReason ?? '',
            /^Job refused: .*Nothing was written/,
            JSON.stringify(data),
          );
        }
        assert.deepEqual(await it.db.query('select *, xmin::text from fleet_hosts'), before);
      });

      test('a manually added job runs once, and finished jobs are kept within bounds', async () => {
        await work();
        const queue = backend.queue(queueName('local'));
        for (let times = 0; times < 3; times++) await queue.add('anything', { host_uuid: 'local' });
        await waitFor(async () => (await queue.getCompletedCount()) === 3);
        const [job] = await queue.getCompleted(0, 0);
        assert.equal((job?.returnvalue as JobResult | undefined)?.host_uuid, 'local');
      });

      test('a worker that follows events makes a pass when it starts', async () => {
        it.desired = declared(decky('web'), decky('first'));
        await work({ follows: true });
        await waitFor(async () => (await statesOf(it.db)).includes('first torn_down'));
      });

      test('a worker requests a pass when a grace period ends', async () => {
        await it.db.query('delete from fleet_deckies');
        it.desired = declared(decky('web'));
        it.observed = seen();
        await it.db.query(
          `insert into fleet_deckies (host_uuid, name, services, decky_config, decky_ip, state)
         values ('local', 'web', '["ssh"]', $1, '192.0.2.7', 'running')`,
          [JSON.stringify(decky('web').config)],
        );
        await work({ follows: true, grace: 2 });
        await requestPass(backend, manual, 30_000);
        assert.deepEqual(await statesOf(it.db), ['web running']);
        await waitFor(async () => (await statesOf(it.db))[0] === 'web torn_down');
      });

      test('passes of one host never overlap, with two workers', async () => {
        let inside = 0;
        let max = 0;
        const inTransaction = it.ports.ledger.inTransaction.bind(it.ports.ledger);
        it.ports.ledger.inTransaction = (request, generation, body) =>
          inTransaction(request, generation, async (open) => {
            inside += 1;
            max = Math.max(max, inside);
            await sleep(20);
            const outcome = await body(open);
            inside -= 1;
            return outcome;
          });
        await work();
        await work();
        const queue = backend.queue(queueName('local'));
        for (let times = 0; times < 10; times++) await queue.add('reconcile', { host_uuid: 'local' });
        await waitFor(async () => (await countJobs('local')) === 0);
        it.ports.ledger.inTransaction = inTransaction;
        assert.equal(max, 1);
      });

      test('draining runs the waiting jobs, then ends', async () => {
        const queue = backend.queue(queueName('local'));
        await queue.add('reconcile', { host_uuid: 'local' });
        await queue.add('reconcile', { host_uuid: 'local' });
        const worker = await work();
        await worker.drain();
        assert.equal(await countJobs('local'), 0);
      });

      test('a worker without a scheduled job for two intervals enqueues its own', async () => {
        await work({ follows: true, interval: 1 });
        const scheduled = async (): Promise<number> =>
          (await backend.queue(queueName('local')).getCompleted(0, 99)).filter(
            ({ data }) => data.cause === 'schedule',
          ).length;
        await waitFor(async () => (await scheduled()) >= 2);
      });

      test('when one of two workers of a host takes all jobs, neither enqueues its own while a scheduler is running', async () => {
        const said: string[] = [];
        const log = {
          ...createLog('silent'),
          warn: (_: object, text: string) => said.push(text),
        } as unknown as Log;
        const ids = async (): Promise<readonly string[]> =>
          (await backend.queue(queueName('local')).getCompleted(0, 99))
            .filter(({ data }) => data.cause === 'schedule')
            .map(({ id }) => id ?? '');
        // Either worker may take them: the other one sees none for some rounds.
        const scheduler = startScheduler(backend, {
          hosts: async () => [{ host: 'local', intervalMs: 2000 }],
          intervalMs: 2000,
          onError: (error) => assert.fail(String(error)),
        });
        await waitFor(async () => (await countJobs('local')) > 0);
        for (const _ of [1, 2]) await work({ follows: true, interval: 2, log });
        await waitFor(async () => (await ids()).length >= 12, 60_000);
        assert.deepEqual(said, []);
        assert.deepEqual(
          (await ids()).filter((id) => !id.startsWith('s')),
          [],
        );
        await scheduler.close();
        await backend.queue('schedule').removeJobScheduler('reconcile');

        // Without a scheduler: one of them enqueues the passes, both log it once, and neither takes the other for a scheduler.
        await waitFor(() => said.length === 2, 30_000);
        await waitFor(async () => (await ids()).filter((id) => id.startsWith('w')).length >= 4, 30_000);
        assert.deepEqual(
          new Set(said),
          new Set(['no scheduler is running; this worker schedules its own passes']),
        );
        assert.equal(said.length, 2);
      });

      test('a new host with a shorter interval gets it after the next round', async () => {
        const hosts = [{ host: 'peer', intervalMs: 2000 }];
        const scheduler = startScheduler(backend, {
          hosts: async () => hosts,
          intervalMs: 2000,
          onError: (error) => assert.fail(String(error)),
        });
        const every = async () =>
          (await backend.queue('schedule').getJobSchedulers()).map((found) => found.every);
        await waitFor(async () => (await every()).join() === '2000');
        hosts.push({ host: 'local', intervalMs: 500 });
        // Long before the schedule is checked again.
        await waitFor(async () => (await every()).join() === '500', 10_000);
        await work();
        const passes = async (): Promise<number> => backend.queue(queueName('local')).getCompletedCount();
        const before = await passes();
        await waitFor(async () => (await passes()) >= before + 4);
        await scheduler.close();
        await backend.queue('schedule').removeJobScheduler('reconcile');
      });

      test('the schedule serves every host, and a dead host accumulates no jobs', async () => {
        await work();
        const scheduler = startScheduler(backend, {
          hosts: async () => ['local', 'peer'].map((host) => ({ host, intervalMs: 1000 })),
          intervalMs: 1000,
          onError: (error) => assert.fail(String(error)),
        });
        const passes = async (): Promise<number> => {
          const [host] = await it.db.query(`select turn::int from fleet_hosts where host_uuid = 'local'`);
          return Number(host?.turn ?? 0);
        };
        const before = await passes();
        await waitFor(async () => (await passes()) >= before + 4);
        assert.equal(await countJobs('peer'), 1);
        assert.equal((await backend.queue('schedule').getJobSchedulers()).length, 1);
        await scheduler.close();
        await backend.queue('schedule').removeJobScheduler('reconcile');
      });
    });
  }
});
