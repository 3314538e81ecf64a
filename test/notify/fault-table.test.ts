import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { pauseHost, resumeHost } from '../../src/app/pauses.ts';
import { postgresPauses } from '../../src/database/pauses.ts';
import { report } from '../../src/database/queries/report.ts';
import { queueName } from '../../src/fleet/job.ts';
import type { Cause } from '../../src/fleet/plan/cause.ts';
import type { IncidentView } from '../../src/views/incidents.ts';
import { noBrowser, openBrowser } from '../harness/browser.ts';
import { exited, invalid, unreachable } from '../harness/facts.ts';
import { noStore, type StoreKind, stores } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';
import { type IncidentPage, openIncidentPage } from './incident-page.ts';
import { openRig, type Rig, type Store } from './rig.ts';
import { inScene } from './scene.ts';

/** An incident that a fault opens: its kind, how many hosts and deckies it affects at most, and its cause. */
type Expected = readonly [kind: string, extent: string, cause: RegExp];

interface Fault {
  readonly name: string;
  /** Makes the fault. @returns what ends it */
  make(rig: Rig): Promise<() => Promise<unknown> | unknown>;
  readonly incidents: readonly Expected[];
  /** Seconds within which it is reported, and within which its end is reported. */
  readonly limit: number;
  readonly loses?: Store;
  /** Seconds for which the fault lasts after it was reported; default: long enough for another message to arrive. */
  readonly lasts?: number;
  /** Its beginning cannot be reported, only its end. */
  readonly isSentAtEnd?: true;
}

const died = { 'decky-0': exited(137) };
const allOf = (count: number, more: ReturnType<typeof exited> | null) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`decky-${at}`, more]));
const cutOff: Cause = { service: 'ssh', state: 'cut off from the network', exitCode: null };
const byRequest: Cause = { service: 'ssh', state: 'exited', exitCode: 137, endedBy: 'request' };
const byMemory: Cause = { service: 'ssh', state: 'exited', exitCode: 137, endedBy: 'memory' };
const gone: Cause = { service: null, state: 'no container', exitCode: null };
const failed = { outcome: 'failed', of: 'new-01' } as const;
const two = ['decky-1', 'decky-2'];

/** Docker of a host does not answer, as its passes see it. */
async function dockerLost(rig: Rig, host: string): Promise<void> {
  rig.it.observed = unreachable;
  await rig.run(host);
}

/** What is written of rows that go down for a reason, and run again. */
const fall =
  (names: readonly string[], cause: Cause): Fault['make'] =>
  async (rig) => {
    await rig.passOf('a');
    await rig.changed('a', names, ['running', 'failed'], cause);
    return () => rig.changed('a', names, ['failed', 'running']);
  };

const faults: readonly Fault[] = [
  // The control plane.
  {
    name: 'the store of the queues stops',
    make: async ({ loseQueues, restoreQueues }) => {
      await loseQueues();
      return restoreQueues;
    },
    incidents: [['queues_unreachable', '0/0', /^The store of the queues does not answer: \S+/]],
    limit: 20,
    loses: 'queues',
  },
  {
    name: '50 hosts lose the store of the queues at one moment, and become stale without it',
    make: async ({ many, manyPass, loseQueues, restoreQueues }) => {
      await many(50, 8);
      await loseQueues();
      return async () => {
        await restoreQueues();
        await manyPass();
      };
    },
    incidents: [['queues_unreachable', '50/0', /^The store of the queues does not answer/]],
    limit: 20,
    loses: 'queues',
    lasts: 40,
  },
  {
    name: 'the store of the queues and a decky at one moment',
    make: async ({ passOf, loseQueues, restoreQueues }) => {
      await passOf('a');
      await loseQueues();
      await passOf('a', died);
      return async () => {
        await restoreQueues();
        await passOf('a');
      };
    },
    incidents: [
      ['queues_unreachable', '0/0', /^The store of the queues does not answer/],
      ['deckies_down', '1/1', /^ssh: exited with code 137 \(killed\)$/],
    ],
    limit: 20,
    loses: 'queues',
  },
  {
    name: 'the only scheduler is killed',
    make: async ({ killScheduler, restartScheduler }) => {
      await killScheduler();
      return restartScheduler;
    },
    incidents: [['scheduler_silent', '0/0', /^No process serves the schedule/]],
    limit: 30,
  },
  {
    name: 'the queue of a worker is paused',
    make: async ({ worker, backend }) => {
      await worker('h1', 10);
      await backend.queue(queueName('h1')).pause();
      return () => backend.queue(queueName('h1')).resume();
    },
    incidents: [['queue_paused', '1/1', /^Somebody paused the queue/]],
    limit: 60,
  },
  {
    name: 'a host is paused on purpose',
    make: async ({ worker, backend, it }) => {
      await worker('h1', 10);
      const stores = { pauses: postgresPauses(it.database.query), backend };
      await pauseHost(stores, 'h1', { by: 'ops', why: 'drill', end: { seconds: 7200 } });
      return () => resumeHost(stores, 'h1');
    },
    incidents: [['queue_paused', '1/1', /^Host h1 is paused by ops until \S+ \S+ UTC: drill$/]],
    limit: 60,
    // Longer than three intervals: it is not stale as well.
    lasts: 45,
  },
  {
    name: 'the database goes away',
    make: async ({ loseDatabase, restoreDatabase }) => {
      // The process has recorded that it watches the fleet.
      await sleep(16_000);
      loseDatabase();
      return restoreDatabase;
    },
    incidents: [['database_unreachable', '0/0', /^The database does not answer$/]],
    limit: 15,
    loses: 'database',
  },
  {
    name: 'messages cannot be delivered',
    make: async ({ it }) => {
      await it.db.query(
        `insert into fleet_notifications (host_uuid, body, attempts, created_at, due_at)
         select 'elsewhere', body, 3, now() - interval '6 minutes', now() + interval '1 hour'
         from (values ('{"kind": "decky_down"}'::jsonb)) waiting (body)`,
      );
      return () => it.db.query(`delete from fleet_notifications where host_uuid = 'elsewhere'`);
    },
    incidents: [['notifications_undelivered', '0/0', /^Notifications cannot be delivered/]],
    limit: 10,
    isSentAtEnd: true,
  },
  // Hosts.
  {
    name: 'a worker is killed',
    make: async ({ worker }) => {
      const running = await worker('h1');
      running.child.kill('SIGKILL');
      await running.finished;
      return () => worker('h1');
    },
    incidents: [['host_stale', '1/1', /^The worker makes no passes$/]],
    limit: 20,
  },
  {
    name: 'a worker hangs',
    make: async ({ worker }) => {
      const running = await worker('h1');
      running.child.kill('SIGSTOP');
      return () => running.child.kill('SIGCONT');
    },
    incidents: [['host_stale', '1/1', /^The worker makes no passes$/]],
    limit: 20,
  },
  {
    name: 'a worker is stopped on request',
    make: async ({ worker, stop }) => {
      const running = await worker('h1');
      await stop('h1');
      await running.finished;
      return () => worker('h1');
    },
    incidents: [['host_stopped', '1/1', /^The worker was stopped/]],
    limit: 20,
  },
  {
    name: '50 workers are gone at one moment',
    make: async ({ many, manyPass }) => {
      await many(50, 5);
      return manyPass;
    },
    incidents: [['host_stale', '50/0', /^The worker makes no passes$/]],
    limit: 40,
  },
  {
    name: 'Docker of a host does not answer',
    make: async (rig) => {
      await rig.passOf('a');
      await dockerLost(rig, 'a');
      return () => rig.passOf('a');
    },
    incidents: [['docker_unreachable', '1/10', /^Docker does not answer$/]],
    limit: 10,
  },
  {
    name: 'Docker of five hosts at one moment',
    make: async (rig) => {
      const hosts = ['a', 'b', 'c', 'd', 'e'];
      for (const host of hosts) await rig.passOf(host);
      await Promise.all(hosts.map((host) => dockerLost(rig, host)));
      return async () => {
        for (const host of hosts) await rig.passOf(host);
      };
    },
    incidents: [['docker_unreachable', '5/50', /^Docker does not answer$/]],
    limit: 10,
  },
  {
    name: 'Docker of a host with deckies that are down',
    make: async (rig) => {
      await rig.passOf('a');
      await dockerLost(rig, 'a');
      await rig.changed('a', two, ['running', 'failed'], byMemory);
      return () => rig.passOf('a');
    },
    incidents: [['docker_unreachable', '1/10', /^Docker does not answer$/]],
    limit: 10,
  },
  {
    name: 'a host that keeps changing',
    make: async (rig) => {
      await rig.passOf('a');
      await rig.it.db.query(
        `insert into fleet_alarms (host_uuid, name, state, told, since, changed_at, recent)
         select 'a', '', 'ok', 'ok', now(), now(), jsonb_build_array(at, at + 1, at + 2)
         from (select floor(extract(epoch from now()) * 1000) - 60000 as at) times`,
      );
      await dockerLost(rig, 'a');
      return async () => {
        await rig.passOf('a');
        await rig.it.db.query(
          `update fleet_alarms set state = 'ok', changed_at = now() - interval '301 s' where name = ''`,
        );
      };
    },
    incidents: [['host_flapping', '1/10', /^Host a keeps changing/]],
    limit: 10,
  },
  {
    name: 'a state file that cannot be used',
    make: async (rig) => {
      await rig.passOf('a');
      rig.it.desired = invalid;
      await rig.run('a');
      return () => rig.passOf('a');
    },
    incidents: [['pass_failing', '1/10', /^Passes cannot use the state file: .*ip is missing/]],
    limit: 40,
  },
  {
    name: 'the same state file on three hosts',
    make: async (rig) => {
      const hosts = ['a', 'b', 'c'];
      for (const host of hosts) await rig.passOf(host);
      rig.it.desired = invalid;
      for (const host of hosts) await rig.run(host);
      return async () => {
        for (const host of hosts) await rig.passOf(host);
      };
    },
    incidents: [['pass_failing', '3/30', /ip is missing/]],
    limit: 40,
  },
  // Deckies.
  {
    name: 'one decky dies',
    make: async ({ passOf }) => {
      await passOf('a');
      await passOf('a', died);
      return () => passOf('a');
    },
    incidents: [['deckies_down', '1/1', /^ssh: exited with code 137 \(killed\)$/]],
    limit: 10,
  },
  {
    name: 'a service on three hosts at one moment',
    make: async ({ passOf }) => {
      const hosts = ['a', 'b', 'c'];
      for (const host of hosts) await passOf(host);
      for (const host of hosts) await passOf(host, allOf(2, exited(139)));
      return async () => {
        for (const host of hosts) await passOf(host);
      };
    },
    incidents: [['deckies_down', '3/6', /^ssh: exited with code 139/]],
    limit: 15,
  },
  {
    name: 'most deckies of a host',
    make: async ({ passOf }) => {
      await passOf('a');
      await passOf('a', allOf(9, exited(137)));
      return () => passOf('a');
    },
    incidents: [['host_down', '1/9', /^Most deckies of host a went down$/]],
    limit: 10,
  },
  {
    name: 'containers that are removed',
    make: async ({ passOf }) => {
      await passOf('a');
      await passOf('a', allOf(2, null));
      return () => passOf('a');
    },
    incidents: [['deckies_down', '1/2', /^containers: no container$/]],
    limit: 10,
  },
  {
    name: 'deckies that are cut off from their network',
    make: fall(two, cutOff),
    incidents: [['deckies_down', '1/2', /^ssh: cut off from the network$/]],
    limit: 10,
  },
  {
    name: 'a decky that runs out of memory',
    make: fall(['decky-1'], byMemory),
    incidents: [['deckies_down', '1/1', /^ssh: exited with code 137 \(it ran out of memory\)$/]],
    limit: 10,
  },
  {
    name: 'a decky that somebody stops',
    make: fall(['decky-1'], byRequest),
    incidents: [['deckies_down', '1/1', /^ssh: exited with code 137 \(somebody stopped it\)$/]],
    limit: 25,
  },
  {
    name: 'a deployment that fails',
    make: fall(two, { ...gone, deployment: failed }),
    incidents: [['deployment_failed', '1/2', /^The deployment of new-01 on host a failed$/]],
    limit: 10,
  },
  {
    name: 'a decky that keeps changing, while another one falls',
    make: async ({ passOf, it }) => {
      await passOf('a');
      await passOf('a', { 'decky-5': exited(1) });
      await it.db.query(
        `update fleet_alarms set recent = jsonb_build_array(at, at + 1, at + 2)
         from (select floor(extract(epoch from now()) * 1000) - 60000 as at) times where name = 'decky-5'`,
      );
      await passOf('a', { 'decky-5': exited(1), ...died });
      return async () => {
        await passOf('a');
        await it.db.query(
          `update fleet_alarms set changed_at = now() - interval '301 s', unsettled_at = now() - interval '301 s'
           where name = 'decky-5'`,
        );
      };
    },
    incidents: [
      ['deckies_down', '1/1', /^ssh: exited with code 137 \(killed\)$/],
      ['decky_flapping', '1/1', /^Deckies of host a keep changing$/],
    ],
    limit: 15,
  },
  {
    name: 'a decky and, for another reason, Docker of another host',
    make: async (rig) => {
      await rig.passOf('a');
      await rig.passOf('b');
      await rig.passOf('a', died);
      await dockerLost(rig, 'b');
      return async () => {
        await rig.passOf('a');
        await rig.passOf('b');
      };
    },
    incidents: [
      ['docker_unreachable', '1/10', /^Docker does not answer$/],
      ['deckies_down', '1/1', /^ssh: exited with code 137 \(killed\)$/],
    ],
    limit: 15,
  },
  // What is no fault.
  {
    name: 'a deployment of most of a host',
    make: async ({ passOf, changed, quiet }) => {
      await passOf('a');
      const names = ['decky-0', 'decky-1', 'decky-2', 'decky-3', 'decky-4', 'decky-5'];
      await changed('a', names, ['running', 'failed'], byRequest);
      await changed('a', names, ['failed', 'pending']);
      await quiet();
      await changed('a', names, ['pending', 'running']);
      return () => passOf('a');
    },
    incidents: [],
    limit: 10,
  },
  {
    name: 'a rotation: deckies are replaced one after another',
    make: async ({ passOf, changed }) => {
      await passOf('a');
      for (const name of ['decky-0', 'decky-1', 'decky-2']) {
        await changed('a', [name], ['running', 'failed'], byRequest);
        await sleep(1500);
        await changed('a', [name], ['failed', 'running']);
      }
      return () => passOf('a');
    },
    incidents: [],
    limit: 10,
  },
];

const incidentsOf = ({ it }: Rig): Promise<readonly IncidentView[]> =>
  report(it.database.query, 30).incidents({ open: false, since: null, limit: 100 });

/** What the receiver got: `event kind`. */
const sent = ({ to }: Rig): readonly string[] =>
  to.got.map(({ body }) => {
    const { event, kind } = body.incident as Record<string, unknown>;
    return `${event} ${kind}`;
  });

/** The cause as one line of a page has it: anywhere in it. */
const onPage = (cause: RegExp): RegExp => new RegExp(cause.source.replace(/^\^|\$$/g, ''));

/** Times the limit for which a slow machine is waited for. */
const slowMachineFactor = 5;

async function holds(fault: Fault, rig: Rig, page: IncidentPage | null): Promise<void> {
  const { incidents, limit, lasts, isSentAtEnd } = fault;
  const within = limit * slowMachineFactor * 1000;
  const openings = isSentAtEnd ? 0 : incidents.length;
  const end = await fault.make(rig);
  await waitFor(() => rig.to.got.length >= openings, within);
  // No incident is reported that the table does not have. One of the database is in no table yet.
  if (fault.loses === 'database') await page?.isBlind(within);
  else {
    const kinds = incidents.map(([kind]) => kind).toSorted();
    await waitFor(async () => {
      assert.deepEqual((await incidentsOf(rig)).map(({ kind }) => kind).toSorted(), kinds);
      return true;
    }, within);
    await page?.shows(
      incidents.map(([, , cause]) => onPage(cause)),
      within,
    );
  }
  if (lasts === undefined) await rig.quiet();
  else await sleep(lasts * 1000);
  const kinds = incidents.map(([kind]) => kind);
  assert.deepEqual(sent(rig).toSorted(), isSentAtEnd ? [] : kinds.map((kind) => `opened ${kind}`).toSorted());
  await end();
  await waitFor(() => rig.to.got.length >= openings + incidents.length, within);
  await page?.shows([], within);
  await rig.quiet();
  const found = await incidentsOf(rig);
  assert.deepEqual(
    found
      .map(({ kind, most, resolution }) => `${kind} ${most.hosts}/${most.deckies} ${resolution}`)
      .toSorted(),
    incidents.map(([kind, extent]) => `${kind} ${extent} recovered`).toSorted(),
  );
  for (const [kind, , cause] of incidents)
    assert.match(found.find((one) => one.kind === kind)?.cause ?? '', cause);
  assert.deepEqual(
    sent(rig).toSorted(),
    kinds.flatMap((kind) => [...(isSentAtEnd ? [] : [`opened ${kind}`]), `resolved ${kind}`]).toSorted(),
  );
  assert.equal(new Set(rig.to.got.map(({ id }) => id)).size, rig.to.got.length, 'a message was sent again');
  for (const { body } of rig.to.got) {
    const { event, duration_s: duration, cause } = body.incident as Record<string, unknown>;
    if (event === 'resolved') assert.ok(Number(duration) >= 1, `${cause} lasted ${duration} s`);
  }
}

test('the table has 25 faults and more', () => {
  assert.ok(faults.filter(({ incidents }) => incidents.length > 0).length >= 25);
  assert.equal(new Set(faults.map(({ name }) => name)).size, faults.length);
});

/** All pages are in one. */
let browser: Browser | null = null;
before(async () => {
  if (noBrowser === false) browser = await openBrowser();
});
after(() => browser?.close());

test('a browser shows what is wrong', { skip: noBrowser }, () => assert.ok(browser?.isConnected()));

// Most of them wait.
describe('each fault is one incident, one message, one line on the page, and its end', {
  concurrency: true,
}, () => {
  for (const kind of stores)
    describe(`with queues in ${kind}`, { skip: noStore(kind), concurrency: 3 }, () => {
      for (const fault of faults) test(fault.name, inRig(kind, fault));
    });
});

function inRig(kind: StoreKind, fault: Fault): () => Promise<void> {
  return inScene(async (scene) => {
    const rig = await openRig(scene, kind, fault.loses ?? null);
    let page: IncidentPage | null = null;
    try {
      page = browser === null ? null : await openIncidentPage(browser, rig.dashboardEnv);
      await holds(fault, rig, page);
    } finally {
      await page?.close();
      await rig.close();
    }
  });
}
