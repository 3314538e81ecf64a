import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { watchControl } from '../../src/app/control-watch.ts';
import { report } from '../../src/database/queries/report.ts';
import { queueName, scheduleQueue } from '../../src/fleet/job.ts';
import { openRedis, type QueueBackend, queueBackend } from '../../src/queue/backend.ts';
import { startScheduler } from '../../src/queue/schedule.ts';
import type { IncidentView } from '../../src/views/incidents.ts';
import { cutProxy } from '../harness/cut.ts';
import { unreachable } from '../harness/facts.ts';
import { noStore, type StoreKind, stores, testRedisUrl } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';
import { inScene, names, type Scene } from './scene.ts';

const incidentsOf = ({ it }: Scene): Promise<readonly IncidentView[]> =>
  report(it.database.query, 30).incidents({ open: false, since: null, limit: 100 });

/** `kind hosts/deckies`, and how it ended. */
const short = async (scene: Scene): Promise<readonly string[]> =>
  (await incidentsOf(scene)).map(
    ({ kind, hosts, deckies, resolution }) => `${kind} ${hosts}/${deckies} ${resolution ?? 'open'}`,
  );

/** What the receiver got, as incidents: `event kind hosts/deckies`. */
const sent = ({ to }: Scene): readonly string[] =>
  to.got.map(({ body }) => {
    const { event, kind, hosts, deckies } = body.incident as Record<string, unknown>;
    return `${event} ${kind} ${hosts}/${deckies}`;
  });

const durationsOf = ({ to }: Scene): readonly unknown[] =>
  to.got.map(({ body }) => (body.incident as Record<string, unknown>).duration_s);

/** Hosts whose passes stop at one moment: they become stale over the length of an interval, of two seconds. */
const manyHosts = ({ it }: Scene, count: number) => ({
  register: () =>
    it.db.query(
      `insert into fleet_hosts (host_uuid, interval_s, last_full_pass_at, last_observed_at)
       select 'h' || n, 2, t, t from generate_series(1, $1::int) n,
         lateral (select clock_timestamp() + n * interval '2 s' / $1 as t) at`,
      [count],
    ),
  pass: () =>
    it.db.query(
      `update fleet_hosts set last_full_pass_at = clock_timestamp(), last_observed_at = clock_timestamp(), interval_s = 3600
       where host_uuid like 'h%'`,
    ),
});

describe('one fault is one incident, one message, and its end', { concurrency: 6 }, () => {
  const faults: readonly (readonly [
    what: string,
    fault: (scene: Scene) => Promise<void>,
    kind: string,
    message: string,
  ])[] = [
    ['one decky', ({ fleetOf }) => fleetOf(names(10), names(1)), 'deckies_down 1/1', 'decky_down'],
    ['two for one reason', ({ fleetOf }) => fleetOf(names(10), names(2)), 'deckies_down 1/2', 'host_down'],
    ['most of a host', ({ fleetOf }) => fleetOf(names(10), names(9)), 'host_down 1/9', 'host_down'],
    [
      'Docker',
      async ({ it, run }) => {
        it.observed = unreachable;
        await run();
      },
      'docker_unreachable 1/10',
      'docker_unreachable',
    ],
  ];
  for (const [what, fault, kind, message] of faults)
    test(
      what,
      inScene(async (scene) => {
        const { to, notifier, fleetOf, received, quiet } = scene;
        await fleetOf(names(10));
        notifier();
        await fault(scene);
        await received(1);
        await quiet();
        assert.deepEqual([await short(scene), to.kinds.length], [[`${kind} open`], 1]);
        assert.equal(to.got[0]?.body.kind, message);
        await fleetOf(names(10));
        await received(2);
        await quiet();
        assert.deepEqual(await short(scene), [`${kind} recovered`]);
        assert.deepEqual(sent(scene), [`opened ${kind}`, `resolved ${kind}`]);
        const [opened, resolved] = durationsOf(scene);
        assert.ok(opened === null && Number(resolved) >= 1, String(resolved));
      }),
    );

  for (const count of [1, 50])
    test(
      `${count} of 50 workers that are gone at one moment`,
      inScene(async (scene) => {
        const { it, notifier, received, quiet } = scene;
        const hosts = manyHosts(scene, 50);
        notifier();
        await hosts.register();
        if (count === 1)
          await it.db.query(`update fleet_hosts set interval_s = 3600 where host_uuid <> 'h50'`);
        await received(1);
        await quiet();
        assert.deepEqual(await short(scene), [`host_stale ${count}/0 open`]);
        await hosts.pass();
        await received(2);
        await quiet();
        assert.deepEqual(sent(scene), [`opened host_stale ${count}/0`, `resolved host_stale ${count}/0`]);
      }),
    );

  test(
    'a deployment is none, and neither is a restart',
    inScene(async (scene) => {
      const { it, to, notifier, fleetOf, quiet } = scene;
      await fleetOf(names(10));
      notifier();
      await it.db.query(
        `update fleet_deckies set state = 'pending', updated_at = now(), reconciled_at = now()`,
      );
      await fleetOf(names(10), names(5));
      await fleetOf(names(10));
      await quiet();
      assert.deepEqual([await short(scene), to.kinds], [[], []]);
    }),
  );
});

/** A backend of the queues through a cable that can be cut. */
async function cutBackend(kind: StoreKind, databaseUrl: string) {
  const cable = kind === 'redis' ? await cutProxy(testRedisUrl(), 6379) : await cutProxy(databaseUrl, 5432);
  const redis = kind === 'redis' ? openRedis(cable.url) : null;
  redis?.on('error', () => undefined);
  const backend = queueBackend(
    { redis, databaseUrl: kind === 'redis' ? databaseUrl : cable.url },
    { outage: () => undefined },
  );
  await backend.prepare();
  return {
    cable,
    backend,
    close: async () => {
      cable.restore();
      await backend.close();
      redis?.disconnect();
      await cable.close();
    },
  };
}

const schedule = (backend: QueueBackend) =>
  startScheduler(backend, { hosts: async () => [], intervalMs: 1000, onError: () => undefined });

for (const kind of stores)
  describe(`the control plane, with queues in ${kind}`, { skip: noStore(kind) }, () => {
    test(
      'the store of the queues, with 50 hosts that become stale without it; then nobody schedules',
      inScene(async (scene) => {
        const { it, notifier, received, quiet } = scene;
        const { cable, backend, close } = await cutBackend(kind, it.db.url);
        const control = watchControl(backend);
        const hosts = manyHosts(scene, 50);
        let scheduler = schedule(backend);
        try {
          notifier(undefined, undefined, control);
          await waitFor(async () => (await backend.countWorkers(scheduleQueue)) > 0);
          cable.cut();
          await received(1);
          await hosts.register();
          await waitFor(async () => (await incidentsOf(scene))[0]?.hosts === 50);
          await quiet();
          assert.deepEqual(await short(scene), ['queues_unreachable 50/0 open']);
          cable.restore();
          await waitFor(async () => control.facts().queuesLostAt === null);
          await hosts.pass();
          await received(2);
          assert.deepEqual(
            sent(scene).map((one) => one.replace(/ \d+\/\d+$/, '')),
            ['opened queues_unreachable', 'resolved queues_unreachable'],
          );
          await scheduler.close();
          await received(3);
          scheduler = schedule(backend);
          await received(4);
          await quiet();
          assert.deepEqual(sent(scene).slice(2), [
            'opened scheduler_silent 0/0',
            'resolved scheduler_silent 0/0',
          ]);
        } finally {
          cable.restore();
          await scheduler.close();
          await control.close();
          await close();
        }
      }),
    );

    test(
      'a queue that somebody paused, which explains that its host is stale',
      inScene(async (scene) => {
        const { it, notifier, received, quiet } = scene;
        const { backend, close } = await cutBackend(kind, it.db.url);
        const control = watchControl(backend);
        const scheduler = schedule(backend);
        try {
          await backend.queue(queueName('h1')).pause();
          // It is overdue, and not stale yet.
          await it.db.query(
            `insert into fleet_hosts (host_uuid, interval_s, last_full_pass_at, last_observed_at)
             select 'h1', 10, t, t from (select clock_timestamp() - interval '20 s' as t) at`,
          );
          notifier(undefined, undefined, control);
          await received(1);
          assert.deepEqual(await short(scene), ['queue_paused 1/0 open']);
          await backend.queue(queueName('h1')).resume();
          await manyHosts(scene, 1).pass();
          await received(2);
          await quiet();
          assert.deepEqual(sent(scene), ['opened queue_paused 1/0', 'resolved queue_paused 1/0']);
        } finally {
          await scheduler.close();
          await control.close();
          await close();
        }
      }),
    );
  });
