import assert from 'node:assert/strict';
import { scheduleQueue } from '../../src/fleet/job.ts';
import type { Env, Running } from '../harness/cli.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { type StoreKind, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';
import { webEngine } from '../harness/web-engine.ts';

/** A host whose deckies `web` and `mail` are declared, with a store and an engine. */
export interface WatchedHost {
  readonly store: TestStore;
  readonly host: TestHost;
  readonly env: Env;
  /** Sets whether the containers of `web` run, and waits until its row follows. */
  webRuns(isRunning: boolean): Promise<void>;
  /** Waits until more passes have been committed. */
  passesGoOn(): Promise<void>;
  /** The jobs of all queues that have failed. */
  failedJobs(): Promise<readonly (string | undefined)[]>;
  /** Keeps a process until the end of the test. */
  keep(running: Running): Running;
}

/**
 * A test with such a host. All processes that it keeps are killed at the end.
 * @param migrated whether the database has the schema of this version; otherwise it is empty
 */
export const onWatchedHost =
  (kind: StoreKind, migrated: boolean, body: (made: WatchedHost) => Promise<void>) =>
  async (): Promise<void> => {
    const [engine, store] = await Promise.all([webEngine(), testStore(kind, { migrated })]);
    const host = testHost();
    host.write([declaredDecky('web'), declaredDecky('mail')]);
    const kept: Running[] = [];
    const outputs = (): string => kept.map((one) => one.output()).join('\n');
    const generation = async (): Promise<number> => {
      const [row] = await store.db.query<{ generation: number }>(
        'select turn::int as generation from fleet_hosts',
      );
      return row?.generation ?? 0;
    };
    try {
      await body({
        store,
        host,
        env: host.env({ ...store.env, DOCKER_HOST: engine.host, DECNET_INTERVAL: '1' }),
        webRuns: async (isRunning) => {
          engine.webRuns(isRunning);
          const expected = isRunning ? 'running' : 'failed';
          await waitFor(async () => {
            const rows = await store.db.query<{ name: string; state: string }>(
              'select name, state from fleet_deckies order by name',
            );
            const found = rows.map(({ name, state }) => `${name} ${state}`).join(', ');
            if (found === `mail torn_down, web ${expected}`) return true;
            throw new Error(`web never became ${expected}: ${found}\n${outputs()}`);
          });
        },
        passesGoOn: async () => {
          const before = await generation();
          await waitFor(async () => (await generation()) >= before + 2).catch(() =>
            assert.fail(`no more passes:\n${outputs()}`),
          );
        },
        failedJobs: () => failedJobs(store),
        keep: (running) => {
          kept.push(running);
          return running;
        },
      });
    } finally {
      for (const { child } of kept) child.kill('SIGKILL');
      await Promise.all(kept.map(({ finished }) => finished));
      host.remove();
      await store.drop();
      await engine.stop();
    }
  };

async function failedJobs(store: TestStore): Promise<readonly (string | undefined)[]> {
  const backend = openTestQueues(store.redisUrl, store.db.url);
  try {
    const queues = ['reconcile.local', scheduleQueue].map((name) => backend.impatientQueue(name));
    const failed = await Promise.all(queues.map((queue) => queue.getFailed()));
    return failed.flat().map(({ failedReason }) => failedReason);
  } finally {
    await backend.close();
  }
}
