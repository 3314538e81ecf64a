import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Running, start, startDashboard } from '../harness/cli.ts';
import { runHere } from '../harness/run-here.ts';
import { noStore, stores } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';
import { Receiver } from '../notify/scene.ts';
import { type OldVersion, oldVersion } from './old-version.ts';
import { onWatchedHost, type WatchedHost } from './watched-host.ts';

async function ends({ child, finished }: Running): Promise<void> {
  child.kill('SIGTERM');
  const { code, stderr } = await finished;
  assert.equal(code, 0, stderr);
}

/** The states of a decky in the order of its history; each change must begin where the one before it ended. */
async function historyOf({ store }: WatchedHost, name: string): Promise<readonly (string | null)[]> {
  const changes = await store.db.query<{ from_state: string | null; to_state: string | null }>(
    'select from_state, to_state from fleet_transitions where name = $1 order by id',
    [name],
  );
  assert.deepEqual(
    changes.map(({ from_state }) => from_state),
    [null, ...changes.slice(0, -1).map(({ to_state }) => to_state)],
  );
  return changes.map(({ to_state }) => to_state);
}

/** Whether each host is stale, as the dashboard shows it. */
async function staleHosts(url: string): Promise<readonly boolean[]> {
  const { hosts } = (await (await fetch(`${url}/api/hosts`)).json()) as {
    readonly hosts: readonly { readonly stale: boolean }[];
  };
  return hosts.map(({ stale }) => stale);
}

const receivers: Receiver[] = [];
async function receiver(): Promise<Receiver> {
  const made = new Receiver();
  receivers.push(made);
  await made.start();
  return made;
}

/** Waits until these messages were sent, and no others. */
const isSent = (to: Receiver, kinds: readonly string[]): Promise<void> =>
  waitFor(() => {
    assert.deepEqual(to.kinds, kinds);
    return true;
  });

describe('an upgrade of a running fleet from version 0.1', { concurrency: true }, () => {
  let old: OldVersion;
  before(() => {
    old = oldVersion();
  });
  after(async () => {
    old.remove();
    await Promise.all(receivers.map((one) => one.stop()));
  });

  for (const kind of stores)
    test(
      `with queues on ${kind}: the two versions work on the same tables and queues`,
      { skip: noStore(kind) },
      onWatchedHost(kind, false, async (made) => {
        const { keep, webRuns, passesGoOn } = made;
        const to = await receiver();
        const env = { ...made.env, DECNET_WEBHOOK_URL: `http://127.0.0.1:${to.port}/` };
        assert.equal((await old.cli(['migrate'], env).finished).code, 0);
        const oldWorker = keep(old.worker(env));
        const oldScheduler = keep(old.scheduler(env));
        await webRuns(true);

        const migrated = await runHere(['migrate'], env);
        assert.match(migrated.stdout, /^Ran 005-stolen-worker, /, migrated.stderr);
        await passesGoOn();
        await webRuns(false);
        // Sent by the old scheduler, which does not know incidents.
        await isSent(to, ['decky_down web']);

        const scheduler = keep(start([], env, 'scheduler.ts'));
        const { dashboard, url } = await startDashboard(env);
        keep(dashboard);
        await ends(oldScheduler);
        await passesGoOn();
        await isSent(to, ['decky_down web', 'decky_down web']);
        await webRuns(true);
        await isSent(to, ['decky_down web', 'decky_down web', 'decky_recovered web']);
        assert.deepEqual(await staleHosts(url), [false]);

        await ends(oldWorker);
        const worker = keep(start([], env, 'worker.ts'));
        await passesGoOn();
        await webRuns(false);

        assert.deepEqual(await historyOf(made, 'web'), ['running', 'failed', 'running', 'failed']);
        assert.deepEqual(await historyOf(made, 'mail'), ['torn_down']);
        assert.deepEqual(await made.failedJobs(), []);
        assert.deepEqual(await made.store.db.query('select last_error from fleet_hosts'), [
          { last_error: null },
        ]);
        for (const one of [worker, scheduler, dashboard]) await ends(one);
      }),
    );
});
