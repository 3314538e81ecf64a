import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { raiseAlerts } from '../../src/database/ledger/alerts.ts';
import { postgresOutbox } from '../../src/database/outbox.ts';
import { type AlertUpdate, alertUpdates } from '../../src/fleet/alerts/alert.ts';
import type { Cause } from '../../src/fleet/plan/cause.ts';
import { noMemory } from '../../src/fleet/plan/memory.ts';
import type { FleetState } from '../../src/fleet/state.ts';
import { decky, declared, exited, seen, serviceOf } from '../harness/facts.ts';
import { waitFor } from '../harness/wait.ts';
import { inScene, type Scene } from './scene.ts';

const gone: Cause = { service: null, state: 'no container', exitCode: null };
const stopped: Cause = { service: 'ssh', state: 'exited', exitCode: 137, endedBy: 'request' };
const ofNew = { outcome: 'failed', of: 'new-01' } as const;

/** Writes what a pass writes when a row goes from one state to another. */
async function changed(
  { it }: Scene,
  names: readonly string[],
  [from, to]: readonly [from: FleetState, to: FleetState],
  cause: Cause | null = null,
): Promise<void> {
  const reason = cause === null ? 'deploying' : cause.state;
  const updates: readonly AlertUpdate[] = alertUpdates(
    names.map((name) => ({ name, from, to, reason, cause })),
    noMemory,
  );
  await it.database.transaction((db) => raiseAlerts(db, 'local', new Date().toISOString(), updates));
}

const all = ['web', 'mail', 'dns'];

describe('messages during a deployment', { concurrency: 12 }, () => {
  test(
    'are none, neither while its rows are pending nor when they run again',
    inScene(async (scene) => {
      const { to, notifier, fleetOf, quiet, alerts } = scene;
      await fleetOf(all);
      notifier();
      await changed(scene, all, ['running', 'failed'], stopped);
      await changed(scene, all, ['failed', 'pending']);
      await quiet();
      assert.deepEqual((await alerts())[0], { name: 'dns', state: 'pending', sent: 'running' });
      await changed(scene, all, ['pending', 'degraded'], {
        service: 'ssh',
        state: 'created',
        exitCode: null,
      });
      await changed(scene, all, ['degraded', 'running']);
      await quiet();
      assert.deepEqual(to.kinds, []);
    }),
  );

  test(
    'that failed are one, also about a decky that never ran, and its recovery is reported',
    inScene(async (scene) => {
      const { to, notifier, fleetOf, received, quiet } = scene;
      await fleetOf([...all, 'other']);
      notifier();
      await changed(scene, [...all, 'new-01'], ['pending', 'torn_down'], { ...gone, deployment: ofNew });
      await received(1);
      await changed(scene, ['new-01'], ['torn_down', 'running']);
      await quiet();
      assert.deepEqual(to.kinds, ['deployment_failed 4']);
      await changed(scene, all, ['torn_down', 'running']);
      await received(2);
      assert.deepEqual(to.kinds, ['deployment_failed 4', 'host_recovered 4']);
      assert.equal(
        to.got[0]?.body.text,
        'The deployment of new-01 on host local failed: 4 of 4 deckies are down: no container: dns, mail, new-01, web',
      );
    }),
  );

  test(
    'about a stop on request wait 15 s, and hold up no crash',
    inScene(async (scene) => {
      const { to, notifier, fleetOf, received } = scene;
      await fleetOf(all);
      notifier();
      const from = performance.now();
      await changed(scene, ['web'], ['running', 'failed'], stopped);
      await changed(scene, ['mail'], ['running', 'failed'], gone);
      await received(1);
      await waitFor(() => to.got.length === 2, 25_000);
      assert.deepEqual(to.kinds, ['decky_down mail', 'decky_down web']);
      assert.ok((to.got[0]?.at ?? 0) - from < 8000);
      assert.ok((to.got[1]?.at ?? 0) - from >= 15_000);
      assert.match(
        String(to.got[1]?.body.text),
        / is failed \(was running\): exited \(stopped on request\)$/,
      );
    }),
  );

  for (const [state, reconciled, becomes, error] of [
    ['pending', true, 'pending', null],
    ['pending', false, 'failed', null],
    ['failed', true, 'failed', 'ssh: exited, code 1'],
  ] as const)
    test(
      `know a row that ${reconciled ? 'a pass' : 'another program'} wrote as ${state}`,
      inScene(async (scene) => {
        const { it, fleetOf, alerts } = scene;
        await fleetOf(all);
        await changed(scene, ['web'], ['running', 'failed'], gone);
        if (state === 'failed') await changed(scene, ['web'], ['failed', 'pending']);
        await it.db.query(
          `update fleet_deckies set state = $1, last_error = $2, updated_at = now() where name = 'web'`,
          [state, error],
        );
        if (reconciled) await it.db.query('update fleet_deckies set reconciled_at = updated_at');
        await it.db.query('update fleet_hosts set last_observed_at = clock_timestamp()');
        await postgresOutbox(it.database, {
          intervalSeconds: 30,
          graceSeconds: 300,
          historyDays: 30,
        }).prune();
        assert.deepEqual(await alerts(), [{ name: 'web', state: becomes, sent: 'running' }]);
        const [row] = await it.db.query('select reason from fleet_alarms');
        if (error !== null) assert.deepEqual(row, { reason: error });
      }),
    );
});

describe('the reason of a message', { concurrency: 12 }, () => {
  /** `web` died with this exit code. */
  const dies = async ({ it, run }: Scene, code: number): Promise<void> => {
    it.desired = declared(...all.map((name) => decky(name)));
    it.observed = seen(
      ...all.map((name) => serviceOf(name, 'ssh', name === 'web' ? exited(code) : undefined)),
    );
    await run();
  };

  test(
    'is that of the latest pass',
    inScene(async (scene) => {
      const { to, notifier, fleetOf, received } = scene;
      await fleetOf(all);
      await dies(scene, 137);
      await dies(scene, 3);
      notifier();
      await received(1);
      const { reason, exit_code } = to.got[0]?.body ?? {};
      assert.deepEqual([reason, exit_code], ['ssh: exited, code 3', 3]);
    }),
  );

  test(
    'is that of the moment it is sent, after it waited for the receiver',
    inScene(async (scene) => {
      const { it, to, notifier, fleetOf, received, delivered } = scene;
      await fleetOf(all);
      to.answer = (response) => void response.writeHead(500).end();
      notifier();
      await dies(scene, 137);
      await received(1);
      await dies(scene, 3);
      to.answer = (response) => void response.writeHead(204).end();
      await delivered();
      const [first, last] = [to.got[0], to.got.at(-1)];
      assert.equal(first?.id, last?.id);
      assert.deepEqual(
        [first, last].map((got) => got?.body.text),
        ['137 (killed)', '3'].map(
          (code) => `web on host local is failed (was running): ssh: exited, code ${code}`,
        ),
      );
      assert.deepEqual(last?.body, {
        ...first?.body,
        text: last?.body.text,
        reason: 'ssh: exited, code 3',
        exit_code: 3,
      });
      assert.deepEqual(await it.db.query('select 1 from fleet_notifications'), []);
    }),
  );

  test(
    'stays where the decky is in another state meanwhile',
    inScene(async (scene) => {
      const { to, notifier, fleetOf, received, delivered } = scene;
      await fleetOf(all);
      to.answer = (response) => void response.writeHead(500).end();
      notifier();
      await dies(scene, 137);
      await received(1);
      await fleetOf(all);
      to.answer = (response) => void response.writeHead(204).end();
      await delivered();
      const downs = to.got.filter(({ body }) => body.kind === 'decky_down');
      assert.deepEqual(new Set(downs.map(({ body }) => body.reason)), new Set(['ssh: exited, code 137']));
    }),
  );
});
