import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../src/lib/package.ts';
import { bare, compileCache, type Env } from '../harness/cli.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { noStore, stores, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const clockModule = join(packageRoot, 'test/harness/clock.ts');
const hourMs = 3_600_000;

// Each kind has a store of its own, and mostly waits for an interval.
describe('wrong clocks', { concurrency: true }, () => {
  for (const kind of stores)
    describe(`queues on ${kind}`, { skip: noStore(kind), concurrency: 1 }, () => {
      let store: TestStore;
      let host: TestHost;
      let env: Env;
      const running: ChildProcess[] = [];

      before(async () => {
        store = await testStore(kind);
        host = testHost();
        host.write([declaredDecky('web')]);
        env = host.env({
          ...store.env,
          DOCKER_HOST: 'unix:///nonexistent/docker.sock',
          DECNET_INTERVAL: '1',
        });
      });
      afterEach(async () => void (await Promise.all([...running].map(stop))));
      after(async () => {
        host.remove();
        await store.drop();
      });

      /** Starts a program whose clock is wrong by this many milliseconds. */
      const start = (program: 'worker.ts' | 'scheduler.ts', clockOffsetMs = 0): ChildProcess => {
        const child = spawn(process.execPath, ['--import', clockModule, join(packageRoot, program)], {
          env: {
            ...bare,
            ...compileCache,
            LOG_LEVEL: 'silent',
            CLOCK_OFFSET_MS: String(clockOffsetMs),
            ...env,
          },
          stdio: 'ignore',
        });
        running.push(child);
        return child;
      };
      const stop = async (child: ChildProcess): Promise<void> => {
        running.splice(running.indexOf(child), 1);
        if (child.exitCode !== null) return;
        const ended = new Promise<void>((done) => child.once('exit', () => done()));
        child.kill('SIGKILL');
        await ended;
      };
      const generation = async (): Promise<number> =>
        Number(
          (
            await store.db.query(`select turn::int as generation from fleet_hosts where host_uuid = 'local'`)
          )[0]?.generation ?? 0,
        );
      /**
       * Four passes take four intervals. The schedule is looked at every 15 s, and a job that a killed worker held is taken
       * back after 30 s.
       */
      const passesGoOn = async (): Promise<void> => {
        const from = await generation();
        await waitFor(async () => (await generation()) >= from + 4, 120_000);
      };

      test('a scheduler that was a day ahead leaves nothing behind that stops the next one', async () => {
        const wrong = start('scheduler.ts', 24 * hourMs);
        const worker = start('worker.ts');
        await passesGoOn();
        await stop(wrong);
        const right = start('scheduler.ts');
        await sleep(1000);
        await passesGoOn();
        await stop(right);
        await stop(worker);
      });

      test('a worker an hour behind its scheduler makes its passes, and one an hour ahead', async () => {
        const scheduler = start('scheduler.ts');
        for (const clock of [-hourMs, hourMs]) {
          const worker = start('worker.ts', clock);
          await passesGoOn();
          await stop(worker);
        }
        await stop(scheduler);
      });

      test('both are set back by an hour, and start again', async () => {
        const before = [start('scheduler.ts'), start('worker.ts')];
        await passesGoOn();
        await Promise.all(before.map(stop));
        const after = [start('scheduler.ts', -hourMs), start('worker.ts', -hourMs)];
        await passesGoOn();
        await Promise.all(after.map(stop));
      });

      test('a worker whose scheduler is gone serves itself, though a pass for tomorrow waits', async () => {
        const backend = openTestQueues(store.redisUrl, store.db.url);
        await backend
          .queue('reconcile.local')
          .add(
            'reconcile',
            { host_uuid: 'local', cause: 'schedule' },
            { delay: 86_400_000, deduplication: { id: 'schedule' } },
          );
        await backend.close();
        const worker = start('worker.ts');
        await waitFor(async () => (await generation()) > 0, 120_000);
        await passesGoOn();
        await stop(worker);
      });
    });
});
