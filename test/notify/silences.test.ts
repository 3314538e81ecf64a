import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { postgresOutbox } from '../../src/database/outbox.ts';
import { report } from '../../src/database/queries/report.ts';
import { silenceStore } from '../../src/database/silences.ts';
import type { Scope } from '../../src/fleet/silences/silence.ts';
import { createLog } from '../../src/lib/log.ts';
import { parseReceivers } from '../../src/notify/addresses.ts';
import { openReceiver } from '../../src/notify/receiver.ts';
import { openRepeater } from '../../src/notify/repeat-open.ts';
import type { IncidentView } from '../../src/views/incidents.ts';
import type { NewSilence } from '../../src/views/silences.ts';
import { alertmanager, noAlertmanager } from '../harness/alertmanager.ts';
import { noStore, stores } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';
import { openRig } from './rig.ts';
import { inScene, names, type Scene } from './scene.ts';

const local: Scope = { kind: 'host', host: 'local' };

const silencesIn = ({ it }: Scene) => {
  const store = silenceStore(it.database.query);
  const add = async (scope: Scope, more: Partial<NewSilence> = {}): Promise<number> =>
    (
      await store.add({
        scope,
        until: { seconds: 3600 },
        every: null,
        by: 'ops',
        why: 'kernel update',
        ...more,
      })
    ).id;
  return { ...store, add };
};

const openIn = ({ it }: Scene): Promise<readonly IncidentView[]> =>
  report(it.database.query, 30).incidents({ open: true, since: null, limit: 100 });

/** `event kind hosts/deckies`, or the kind of a message about no incident. */
const sent = ({ to }: Scene): readonly string[] =>
  to.got.map(({ body }) => {
    if (body.incident === null) return `${body.kind} ${body.count}`;
    const { event, kind, hosts, deckies } = body.incident as Record<string, unknown>;
    return `${event} ${kind} ${hosts}/${deckies}`;
  });

const opened = (scene: Scene, count: number) => waitFor(async () => (await openIn(scene)).length === count);

describe('a silence', { concurrency: 6 }, () => {
  test(
    'records what breaks and sends nothing; at its end what is still open is sent once, and a summary',
    inScene(async (scene) => {
      const { to, notifier, fleetOf, received, quiet } = scene;
      const { add, end } = silencesIn(scene);
      await fleetOf(names(10));
      notifier();
      const id = await add(local);
      await fleetOf(names(10), names(1));
      await opened(scene, 1);
      await fleetOf(names(10));
      await opened(scene, 0);
      await fleetOf(names(10), names(9));
      await opened(scene, 1);
      await quiet();
      const [one] = await openIn(scene);
      assert.deepEqual(
        [one?.kind, one?.silenced?.id, one?.silenced?.by, one?.silenced?.why],
        ['host_down', id, 'ops', 'kernel update'],
      );
      assert.equal(to.got.length, 0);

      assert.ok(await end(id, 'admin'));
      await received(2);
      await quiet();
      assert.deepEqual([...sent(scene)].sort(), ['opened host_down 1/9', 'silence_ended 2']);
      const summary = to.got.find(({ body }) => body.kind === 'silence_ended')?.body;
      assert.match(
        String(summary?.text),
        /^The silence of host local by ops \(kernel update\) is over: 2 incidents not sent; still open \(1\): Most deckies of host local went down; ended \(1\): ssh: exited with code 137/,
      );
      assert.deepEqual([(await openIn(scene))[0]?.silenced, summary?.host_uuid], [null, 'local']);
      await fleetOf(names(10));
      await received(3);
      assert.equal(sent(scene)[2], 'resolved host_down 1/9');
    }),
  );

  test(
    'sends the end of what was sent before, and no summary of it',
    inScene(async (scene) => {
      const { notifier, fleetOf, received, quiet } = scene;
      const { add, end } = silencesIn(scene);
      await fleetOf(names(10));
      notifier();
      await fleetOf(names(10), names(1));
      await received(1);
      const id = await add(local);
      await fleetOf(names(10), names(2));
      await waitFor(async () => (await openIn(scene))[0]?.deckies === 2);
      await fleetOf(names(10));
      await received(2);
      await end(id, 'ops');
      await quiet();
      assert.deepEqual(sent(scene), ['opened deckies_down 1/1', 'resolved deckies_down 1/2']);
    }),
  );

  test(
    'of one decky leaves the others alone, and one of which nothing breaks says nothing',
    inScene(async (scene) => {
      const { notifier, fleetOf, received, quiet } = scene;
      const { add, end } = silencesIn(scene);
      await fleetOf(names(10));
      notifier();
      const id = await add({ kind: 'decky', host: 'local', name: 'decky-0' });
      const other = await add({ kind: 'host', host: 'elsewhere' });
      await add({ kind: 'cause', cause: 'docker_unreachable' }, { until: { seconds: 2 } });
      await fleetOf(names(10), ['decky-0']);
      await opened(scene, 1);
      await quiet();
      assert.deepEqual(sent(scene), []);
      // The incident affects more than what is silenced.
      await fleetOf(names(10), ['decky-0', 'decky-1']);
      await received(1);
      await Promise.all([end(id, 'ops'), end(other, 'ops')]);
      await received(2);
      await quiet();
      assert.deepEqual(sent(scene), ['opened deckies_down 1/2', 'silence_ended 1']);
    }),
  );

  test(
    'that recurs is summed up when its window ends',
    inScene(async (scene) => {
      const { it, notifier, fleetOf, received } = scene;
      const { add } = silencesIn(scene);
      await fleetOf(names(10));
      notifier();
      const id = await add(local, { every: 'daily 00:00-24:00' });
      await fleetOf(names(10), names(1));
      await opened(scene, 1);
      await waitFor(async () => (await openIn(scene))[0]?.silenced?.id === id);
      // As if the hour of its window were over: another one begins twelve hours from now.
      const hour = (new Date().getUTCHours() + 12) % 24;
      const window = `daily ${String(hour).padStart(2, '0')}:00-${String(hour).padStart(2, '0')}:30`;
      await it.db.query('update fleet_silences set every = $1', [window]);
      await received(2);
      assert.deepEqual([...sent(scene)].sort(), ['opened deckies_down 1/1', 'silence_ended 1']);
      const [row] = await it.db.query<{ ended_at: null; active_since: null }>(
        'select ended_at, active_since from fleet_silences',
      );
      assert.deepEqual(row, { ended_at: null, active_since: null });
    }),
  );

  test(
    'whose process is gone is summed up by the next one, however long that takes',
    inScene(async (scene) => {
      const { it, notifier, fleetOf, received } = scene;
      const { add } = silencesIn(scene);
      await fleetOf(names(10));
      const first = notifier();
      await add(local);
      await fleetOf(names(10), names(1));
      await opened(scene, 1);
      await first.close();
      await it.db.query(
        `update fleet_incidents set opened_at = opened_at - interval '1 day', since = since - interval '1 day'`,
      );
      await it.db.query(
        `update fleet_silences set starts_at = starts_at - interval '2 days', active_since = active_since - interval '2 days',
           until = now() - interval '1 hour'`,
      );
      notifier();
      await received(2);
      assert.deepEqual([...sent(scene)].sort(), ['opened deckies_down 1/1', 'silence_ended 1']);
    }),
  );
});

for (const kind of stores)
  test(
    `a silence of a cause, with queues in ${kind}`,
    { skip: noStore(kind) },
    inScene(async (scene) => {
      const { received, quiet } = scene;
      const rig = await openRig(scene, kind, 'queues');
      try {
        const { add, end } = silencesIn(scene);
        const id = await add({ kind: 'cause', cause: 'queues_unreachable' });
        await rig.loseQueues();
        await opened(scene, 1);
        await waitFor(async () => (await openIn(scene))[0]?.silenced?.id === id);
        // Longer than the time after which it would be sent.
        await quiet();
        await quiet();
        await rig.restoreQueues();
        await opened(scene, 0);
        assert.deepEqual(sent(scene), []);
        await end(id, 'ops');
        await received(1);
        assert.deepEqual(sent(scene), ['silence_ended 1']);
      } finally {
        await rig.close();
      }
    }),
  );

describe('an acknowledged incident', { concurrency: 4 }, () => {
  test(
    'is not sent again when it grows, until it is more severe; its end is sent',
    inScene(async (scene) => {
      const { it, notifier, fleetOf, received, quiet } = scene;
      const { acknowledge } = silencesIn(scene);
      /** As if the last message were old enough for another one. */
      const wait = () =>
        it.db.query(
          `update fleet_incidents set told = jsonb_set(told, '{at}', to_jsonb((told ->> 'at')::float8 - 600000))
           where closed_at is null`,
        );
      await fleetOf(names(10));
      notifier();
      await fleetOf(names(10), names(1));
      await received(1);
      const [one] = await openIn(scene);
      assert.ok(await acknowledge(one?.id ?? '', 'ops', 'new image'));
      await wait();
      await fleetOf(names(10), names(3));
      await waitFor(async () => (await openIn(scene))[0]?.deckies === 3);
      await quiet();
      assert.deepEqual(sent(scene), ['opened deckies_down 1/1']);
      assert.deepEqual(
        [(await openIn(scene))[0]?.acknowledged].map((ack) => [ack?.by, ack?.why]),
        [['ops', 'new image']],
      );
      await fleetOf(names(10), names(6));
      await received(2);
      await wait();
      await fleetOf(names(10), names(7));
      await waitFor(async () => (await openIn(scene))[0]?.deckies === 7);
      await quiet();
      assert.equal((await openIn(scene))[0]?.severity, 'critical');
      await fleetOf(names(10));
      await received(3);
      assert.deepEqual(sent(scene), [
        'opened deckies_down 1/1',
        'grown deckies_down 1/6',
        'resolved deckies_down 1/7',
      ]);
      assert.equal(await acknowledge(one?.id ?? '', 'ops', 'too late'), false);
    }),
  );

  test(
    'stays in Alertmanager without being repeated',
    { skip: noAlertmanager },
    inScene(async (scene) => {
      const { it, notifier, fleetOf } = scene;
      const server = await alertmanager();
      try {
        await fleetOf(names(10));
        const address = `alertmanager+http://127.0.0.1:${server.port}`;
        notifier([address]);
        await fleetOf(names(10), names(1));
        await waitFor(async () => (await server.alerts()).length === 1);
        const [receiver] = parseReceivers(address).receivers.map(openReceiver);
        assert.ok(receiver);
        const outbox = postgresOutbox(it.database, {
          intervalSeconds: 30,
          graceSeconds: 300,
          historyDays: 30,
        });
        const again = openRepeater(outbox, receiver, {
          stopped: new AbortController().signal,
          log: createLog('silent'),
        });
        const [one] = await openIn(scene);
        await silencesIn(scene).acknowledge(one?.id ?? '', 'ops', 'new image');
        await again();
        const dayMs = 86_400_000;
        await waitFor(async () => Date.parse((await server.alerts())[0]?.endsAt ?? '') > Date.now() + dayMs);
        await server.stop();
        await server.start();
        await again();
        assert.deepEqual(await server.alerts(), []);
        await silencesIn(scene).unacknowledge(one?.id ?? '');
        await again();
        await waitFor(async () => (await server.alerts()).length === 1);
        await fleetOf(names(10));
        await waitFor(async () => (await server.alerts()).length === 0);
      } finally {
        await server.remove();
      }
    }),
  );
});
