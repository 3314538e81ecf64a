import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import type { QueueBackend } from '../../src/queue/backend.ts';
import { busServer } from '../harness/bus-server.ts';
import { type Env, type Running, start } from '../harness/cli.ts';
import { noEngine, type TestEngine, testEngine } from '../harness/docker.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { runHere } from '../harness/run-here.ts';
import { ask, postgresServer, redisServer, type Server } from '../harness/servers.ts';
import { noStore, stores } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const mount = (...args: readonly string[]) => promisify(execFile)('mount', args);

const selectGeneration = `select turn::int as generation from fleet_hosts where host_uuid = 'local'`;
const selectStates = `select name || ' ' || state as row from fleet_deckies where host_uuid = 'local' order by name`;

/** Five times the 30 seconds within which the contract promises that everything is served again. */
const promised = 150_000;

// Each kind has an engine, servers and processes of its own, and mostly waits for them.
describe('faults', { concurrency: true }, () => {
  for (const kind of stores)
    describe(`queues on ${kind}`, { skip: noEngine || noStore(kind), concurrency: 1 }, () => {
      let engine: TestEngine;
      let postgres: Server;
      let redis: Server | null;
      let host: TestHost;
      let env: Env;
      let worker: Running;
      let scheduler: Running;
      let busDirectory: string;
      let serial = 0;
      /** The test before this one left everything as it found it. */
      let isSound = true;

      before(async () => {
        [engine, postgres, redis] = await Promise.all([
          testEngine(),
          postgresServer(),
          kind === 'redis' ? redisServer() : null,
        ]);
        host = testHost();
        busDirectory = mkdtempSync(join(tmpdir(), 'decnet-fleet-bus-'));
        env = host.env({
          DATABASE_URL: postgres.url,
          DOCKER_HOST: engine.host,
          DECNET_INTERVAL: '1',
          DECNET_BUS_SOCKET: join(busDirectory, 'bus.sock'),
          ...(redis && { REDIS_URL: redis.url }),
        });
        assert.equal((await runHere(['migrate'], env)).code, 0);
        await ask(
          postgres.url,
          `insert into fleet_deckies (host_uuid, name, services, state, updated_at)
         select 'peer', 'decky-' || n, '["ssh"]', 'running', now() - interval '1 day' from generate_series(1, 50) n`,
        );
        await engine.makeDecky('web', ['ssh']);
        host.write([declaredDecky('web')]);
        await startAnew();
      });
      after(async () => {
        await kill();
        await engine.stop();
        await redis?.remove();
        await postgres.remove();
        host.remove();
        rmSync(busDirectory, { recursive: true, force: true });
      });

      const startContainers = async (): Promise<void> => {
        for (const name of ['web', 'web-ssh'])
          await engine
            .container(name)
            .start()
            .catch(() => undefined);
      };
      const kill = async (): Promise<void> => {
        for (const one of [worker, scheduler]) {
          one?.child.kill('SIGKILL');
          await one?.finished;
        }
      };
      const startAnew = async (): Promise<void> => {
        worker = start([], env, 'worker.ts');
        scheduler = start([], env, 'scheduler.ts');
        await converges();
      };
      /** What a test that failed may have left behind is no matter to the next one. */
      beforeEach(async () => {
        const wasSound = isSound;
        isSound = false;
        if (wasSound) return;
        process.kill(engine.pid, 'SIGCONT');
        for (const server of [postgres, redis]) {
          await server?.stop().catch(() => undefined);
          await server?.start();
        }
        await startContainers();
        await kill();
        await startAnew();
      });

      const peers = async (): Promise<unknown> =>
        ask(
          postgres.url,
          `select md5(string_agg(d::text || xmin::text, '' order by name)) from fleet_deckies d where host_uuid = 'peer'`,
        );
      const states = async (): Promise<string> =>
        (await ask<{ row: string }>(postgres.url, selectStates)).map(({ row }) => row).join();

      /** A new declaration reaches the table, and a scheduled pass comes: everything works. */
      async function converges(): Promise<void> {
        serial += 1;
        host.write([declaredDecky('web'), declaredDecky(`new-${serial}`)]);
        await waitFor(async () => {
          const found = await states();
          if (found === `new-${serial} torn_down,web running`) return true;
          throw new Error(`${found}\n${worker.output().slice(-2000)}\n${scheduler.output().slice(-1000)}`);
        }, promised);
        await isServed();
        await oneSchedule();
      }
      async function isServed(): Promise<void> {
        const generation = async (): Promise<number> => {
          const [row] = await ask<{ generation: number }>(postgres.url, selectGeneration);
          return Number(row?.generation);
        };
        const before = await generation();
        await waitFor(async () => (await generation()) >= before + 3, promised);
      }
      async function withQueues(work: (backend: QueueBackend) => Promise<void>): Promise<void> {
        const backend = openTestQueues(redis?.url ?? null, postgres.url);
        try {
          await work(backend);
        } finally {
          await backend.close();
        }
      }
      const oneSchedule = (): Promise<void> =>
        withQueues(async (backend) => {
          await waitFor(async () => {
            const found = await backend.queue('schedule').getJobSchedulers();
            const late = Date.now() - (found[0]?.next ?? 0);
            if (found.length === 1 && found[0]?.every === 1000 && late < 5000) return true;
            throw new Error(JSON.stringify(found));
          }, promised);
          const counts = await backend.queue('reconcile.local').getJobCounts('waiting', 'delayed', 'active');
          assert.ok(
            Object.values(counts).reduce((sum, count) => sum + count, 0) <= 3,
            JSON.stringify(counts),
          );
        });
      const survives = (what: string, fault: () => Promise<void>): void => {
        test(what, async () => {
          const untouched = await peers();
          await fault();
          await converges();
          assert.deepEqual(await peers(), untouched, 'a peer’s row was touched');
          assert.equal(worker.child.exitCode, null, worker.output().slice(-2000));
          isSound = true;
        });
      };

      survives('two schedulers are killed and started again in a loop', async () => {
        for (let times = 0; times < 4; times++) {
          const second = start([], env, 'scheduler.ts');
          await sleep(700);
          scheduler.child.kill('SIGKILL');
          await scheduler.finished;
          scheduler = start([], env, 'scheduler.ts');
          await sleep(400);
          second.child.kill('SIGKILL');
          await second.finished;
        }
      });

      survives('the worker is killed in mid-pass', async () => {
        process.kill(engine.pid, 'SIGSTOP');
        await sleep(1500);
        worker.child.kill('SIGKILL');
        await worker.finished;
        process.kill(engine.pid, 'SIGCONT');
        worker = start([], env, 'worker.ts');
      });

      survives('the worker is stopped for longer than its lock, and goes on', async () => {
        worker.child.kill('SIGSTOP');
        const second = start([], env, 'worker.ts');
        await sleep(12_000);
        await isServed();
        worker.child.kill('SIGCONT');
        second.child.kill('SIGTERM');
        assert.equal((await second.finished).code, 0);
      });

      if (kind === 'redis') {
        survives('Redis is stopped, and replaced by an empty one', async () => {
          await redis?.stop();
          await sleep(3000);
          await redis?.start();
        });
        survives('everything in Redis is flushed', async () => {
          const client = new Redis(redis?.url ?? '');
          await client.flushall();
          client.disconnect();
        });
      }

      survives('PostgreSQL is stopped and started', async () => {
        await postgres.stop();
        await sleep(3000);
        await postgres.start();
      });

      survives('all connections to PostgreSQL are killed', async () => {
        await ask(
          postgres.url,
          `select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
        );
      });

      survives('the engine hangs beyond its limit', async () => {
        process.kill(engine.pid, 'SIGSTOP');
        await sleep(13_000);
        assert.match(await states(), /web running/, 'no state is guessed');
        process.kill(engine.pid, 'SIGCONT');
      });

      survives('the engine is restarted', async () => {
        await engine.restart();
        await startContainers();
      });

      survives('DECNET’s bus comes, hangs, and goes', async () => {
        const bus = await busServer(join(busDirectory, 'bus.sock'));
        await waitFor(() => bus.subscribed.includes('system.reconciler.control'));
        host.write([declaredDecky('web'), declaredDecky('heard')]);
        await waitFor(() => bus.published.some(({ topic }) => topic === 'decky.local:heard.state'));
        bus.hang();
        await converges();
        await bus.stop();
      });

      survives('the disk of the state file is read-only', async () => {
        await mount('--bind', host.directory, host.directory);
        try {
          await mount('-o', 'remount,ro,bind', host.directory);
          assert.throws(() => host.write([]), /EROFS/);
          await isServed();
          await engine.container('web-ssh').kill();
          await waitFor(async () => (await states()).includes('web failed'));
        } finally {
          await promisify(execFile)('umount', ['-l', host.directory]);
        }
        await engine.container('web-ssh').start();
      });

      survives('the schedule itself is damaged', () =>
        withQueues(async (backend) => {
          const schedule = backend.queue('schedule');
          await schedule.upsertJobScheduler('another', { every: 777 }, { name: 'round', data: {} });
          await schedule.upsertJobScheduler('reconcile', { every: 86_400_000 }, { name: 'round', data: {} });
        }),
      );

      test('a host whose clock is an hour wrong is no different', async () => {
        const wrong = `data:text/javascript,${encodeURIComponent('const now = Date.now; Date.now = () => now() + 3600_000;')}`;
        worker.child.kill('SIGTERM');
        assert.equal((await worker.finished).code, 0);
        worker = start([], { ...env, NODE_OPTIONS: `--import=${wrong}` }, 'worker.ts');
        await converges();
        const [at] = await ask(
          postgres.url,
          `select now() - last_pass_at < interval '1 minute' as sound from fleet_hosts where host_uuid = 'local'`,
        );
        assert.deepEqual(at, { sound: true });
      });

      test('a message on DECNET’s own bus stops the worker, exit 0', async () => {
        const bus = await busServer(join(busDirectory, 'bus.sock'));
        await waitFor(() => bus.subscribed.includes('system.reconciler.control'));
        await waitFor(
          () => bus.published.some(({ topic }) => topic.startsWith('system.reconciler.health')),
          60_000,
        );
        bus.send('system.reconciler.control', { action: 'stop', requested_by: 'an operator', ts: 1 });
        assert.equal((await worker.finished).code, 0);
        await bus.stop();
      });
    });
});
