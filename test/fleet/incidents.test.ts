import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isWanted, noFilter } from '../../src/fleet/alerts/filter.ts';
import type { DeckyFacts } from '../../src/fleet/incidents/decky-facts.ts';
import { isGrowthDue, isOpeningDue } from '../../src/fleet/incidents/due.ts';
import type { FleetFacts } from '../../src/fleet/incidents/facts.ts';
import {
  type Extent,
  extentOf,
  follow,
  namesOf,
  type StoredIncident,
} from '../../src/fleet/incidents/follow.ts';
import type { Incident } from '../../src/fleet/incidents/incident.ts';
import { judge } from '../../src/fleet/incidents/judge.ts';
import { evaluate } from '../../src/fleet/incidents/rules.ts';
import { neverSilenced } from '../../src/fleet/silences/quiet.ts';
import { now } from '../harness/facts.ts';
import { broken, brokenOn, clear, died, fleet, host } from '../harness/incidents.ts';

const agoMs = (seconds: number): number => now - seconds * 1000;
/** `kind severity hosts/deckies`, in their order. */
const short = (facts: FleetFacts): readonly string[] =>
  evaluate(facts).incidents.map((one) => `${one.kind} ${one.severity} ${one.hosts}/${one.deckies}`);

const many = (count: number, make: (at: number) => ReturnType<typeof host>) =>
  Array.from({ length: count }, (_, at) => make(at));
const stale = (name: string, seconds: number, more = {}) =>
  host(name, { staleSince: agoMs(seconds), ...more });

const onPurpose = (by: string) => ({ by, why: 'drill', since: agoMs(200), until: null });

/** The same after an evaluation: what it found is open, and what it affects belongs to it. */
function after(facts: FleetFacts): FleetFacts {
  const { incidents, hosts, deckies } = evaluate(facts);
  return {
    ...facts,
    open: incidents,
    hosts: facts.hosts.map((one) => ({ ...one, under: hosts.get(one.host) ?? null })),
    deckies: facts.deckies.map((one) => ({ ...one, under: deckies.get(one.host)?.get(one.name) ?? null })),
  };
}

const stored = (one: Incident, more: Partial<StoredIncident> = {}): StoredIncident => ({
  ...one,
  ...neverSilenced,
  acknowledged: null,
  openedAt: now,
  extent: extentOf(one),
  most: extentOf(one),
  affected: [],
  ever: [],
  notified: null,
  ...more,
});

describe('which incidents are open', () => {
  const halted = fleet({ hosts: [stale('a', 100, { stopped: { by: 'admin', at: agoMs(100) } })] });
  const lost = fleet({ control: { ...clear, queuesLostAt: agoMs(5) } });
  const cases: readonly (readonly [what: string, facts: FleetFacts, expected: readonly string[]])[] = [
    ['nothing', fleet(), []],
    ['a late host is no incident', fleet({ hosts: [host('a', { isLate: true })] }), []],
    [
      'the queues',
      fleet({ control: { ...clear, queuesLostAt: agoMs(5), schedulerLostAt: agoMs(5) } }),
      ['queues_unreachable critical 0/0'],
    ],
    [
      'nothing that may be lost only because the database was away',
      fleet({ control: { ...clear, isOld: true, queuesLostAt: agoMs(5), schedulerLostAt: agoMs(5) } }),
      [],
    ],
    [
      'what was lost before the database was away stays open',
      { ...after(lost), control: { ...lost.control, isOld: true } },
      ['queues_unreachable critical 0/0'],
    ],
    [
      'nobody schedules',
      fleet({ control: { ...clear, schedulerLostAt: agoMs(5) } }),
      ['scheduler_silent warning 0/0'],
    ],
    [
      'notifications',
      fleet({ control: { ...clear, undeliveredSince: agoMs(500) } }),
      ['notifications_undelivered warning 0/0'],
    ],
    [
      'paused queues, which explain that their hosts are stale',
      fleet({
        control: {
          ...clear,
          paused: new Map([
            ['a', agoMs(100)],
            ['b', agoMs(90)],
          ]),
        },
        hosts: [stale('a', 95), host('b')],
      }),
      ['queue_paused warning 2/20'],
    ],
    [
      'the queues explain 50 stale hosts',
      fleet({
        control: { ...clear, queuesLostAt: agoMs(100) },
        hosts: many(50, (at) => stale(`h${at}`, 100 - at / 2)),
      }),
      ['queues_unreachable critical 50/500'],
    ],
    [
      'hosts that were lost at one moment, and one that was lost before',
      fleet({ hosts: [stale('old', 5000), ...many(50, (at) => stale(`h${at}`, 120 - at / 2))] }),
      ['host_stale critical 50/500', 'host_stale critical 1/10'],
    ],
    [
      'a host that somebody stopped',
      fleet({ hosts: [stale('a', 100, { stopped: { by: 'admin', at: agoMs(100) } })] }),
      ['host_stopped info 1/10'],
    ],
    [
      'hosts that somebody paused on purpose, whatever else is known of them',
      fleet({
        control: { ...clear, paused: new Map([['a', agoMs(5)]]) },
        hosts: [
          stale('a', 100, { paused: onPurpose('ops'), stopped: { by: 'admin', at: agoMs(100) } }),
          host('b', { paused: onPurpose('somebody else'), unreachableSince: agoMs(300) }),
        ],
      }),
      ['queue_paused info 1/10', 'queue_paused info 1/10'],
    ],
    [
      'a host that somebody paused on purpose, and a queue that was paused without a record',
      fleet({
        control: { ...clear, paused: new Map([['b', agoMs(5)]]) },
        hosts: [host('a', { paused: onPurpose('ops') }), stale('b', 100)],
      }),
      ['queue_paused info 1/10', 'queue_paused warning 1/10'],
    ],
    [
      'a host that is being resumed: its record has ended, and its queue is not resumed yet',
      fleet({
        control: {
          ...clear,
          paused: new Map([
            ['a', agoMs(1)],
            ['b', agoMs(100)],
          ]),
        },
        hosts: [host('a', { resumedAt: agoMs(2) }), host('b', { resumedAt: agoMs(200) })],
      }),
      ['queue_paused warning 1/10'],
    ],
    [
      'a worker that was stopped, and has started again',
      { ...after(halted), hosts: after(halted).hosts.map((one) => ({ ...one, stopped: null })) },
      ['host_stopped info 1/10'],
    ],
    [
      'a Docker that is gone covers its deckies, and another host’s not',
      fleet({
        hosts: [host('a', { unreachableSince: agoMs(20) })],
        deckies: [...brokenOn('a', 2), ...brokenOn('b', 1)],
      }),
      ['docker_unreachable critical 1/10', 'deckies_down warning 1/1'],
    ],
    [
      'a stale host whose Docker did not answer',
      fleet({
        hosts: [stale('a', 100, { unreachableSince: agoMs(300), failing: { reason: 'x', since: now } })],
      }),
      ['host_stale critical 1/10'],
    ],
    [
      'a host that keeps changing',
      fleet({ hosts: [stale('a', 100, { flappingSince: agoMs(30) })], deckies: brokenOn('a', 1) }),
      ['host_flapping warning 1/10'],
    ],
    [
      'passes that fail for one reason, and for another',
      fleet({
        hosts: [
          host('a', { failing: { reason: 'no file', since: agoMs(9) } }),
          host('b', { failing: { reason: 'no file', since: agoMs(8) } }),
          host('c', { failing: { reason: 'not JSON', since: agoMs(8) } }),
        ],
      }),
      ['pass_failing warning 2/20', 'pass_failing warning 1/10'],
    ],
    ['one decky', fleet({ deckies: [broken('web')] }), ['deckies_down warning 1/1']],
    [
      'one service and exit code on several hosts',
      fleet({ deckies: [...brokenOn('a', 2), ...brokenOn('b', 3)] }),
      ['deckies_down warning 2/5'],
    ],
    [
      'different exit codes',
      fleet({ deckies: [broken('web'), broken('mail', { cause: { ...died, exitCode: 1 } })] }),
      ['deckies_down warning 1/1', 'deckies_down warning 1/1'],
    ],
    [
      'one image',
      fleet({
        deckies: [
          broken('x', { cause: { ...died, service: null } }),
          broken('y', { host: 'b', cause: { ...died, service: null } }),
          broken('z', { host: 'b', image: 'alpine', cause: { ...died, service: null } }),
        ],
      }),
      ['deckies_down warning 2/2', 'deckies_down warning 1/1'],
    ],
    [
      'one network, whatever services it has',
      fleet({
        deckies: ['ssh', 'http', 'ftp'].map((service) =>
          broken(service, { cause: { service, state: 'cut off from its network', exitCode: null } }),
        ),
      }),
      ['deckies_down warning 1/3'],
    ],
    [
      'a host with most of its deckies down, for several reasons',
      fleet({ deckies: [...brokenOn('a', 5), broken('x', { cause: { ...died, exitCode: 1 } })] }),
      ['host_down critical 1/6'],
    ],
    [
      'a host with most of its deckies down for one reason',
      fleet({ deckies: brokenOn('a', 6) }),
      ['host_down critical 1/6'],
    ],
    [
      'hosts with most of their deckies down for one reason',
      fleet({ deckies: ['a', 'b', 'c'].flatMap((name) => brokenOn(name, 10)) }),
      ['deckies_down critical 3/30'],
    ],
    [
      'more than 20 of a large host for many reasons',
      fleet({
        hosts: [host('a', { deckies: 1000 })],
        deckies: many(21, (at) => host(`d${at}`)).map((_, at) =>
          broken(`d${at}`, { cause: { ...died, exitCode: at } }),
        ),
      }),
      ['host_down critical 1/21'],
    ],
    [
      'a deployment that failed, and a crash beside it',
      fleet({
        deckies: [
          ...brokenOn('a', 2, { cause: { ...died, deployment: { outcome: 'failed', of: 'new-01' } } }),
          broken('web', { cause: { ...died, exitCode: 1 } }),
        ],
      }),
      ['deployment_failed warning 1/2', 'deckies_down warning 1/1'],
    ],
    [
      'one that flaps hides nobody',
      fleet({ deckies: [broken('x', { isFlapping: true }), broken('web')] }),
      ['deckies_down warning 1/1', 'decky_flapping warning 1/1'],
    ],
  ];
  for (const [what, facts, expected] of cases)
    test(what, () => {
      assert.deepEqual(short(facts), expected);
      // Nothing changes as long as the facts do not.
      assert.deepEqual(
        evaluate(after(facts)).incidents.map(({ id }) => id),
        evaluate(facts).incidents.map(({ id }) => id),
      );
    });
});

describe('an incident that lasts', () => {
  const first = fleet({ deckies: [broken('web')] });
  const idOf = (facts: FleetFacts): string => evaluate(facts).incidents[0]?.id ?? '';

  for (const [what, deckies] of [
    ['grows', [broken('web'), broken('mail')]],
    ['grows to another host', [broken('web'), broken('web', { host: 'b' })]],
    ['shrinks and grows', [broken('mail')]],
  ] as const)
    test(`keeps its id while it ${what}`, () => assert.equal(idOf(fleet({ deckies })), idOf(first)));

  test('takes what breaks later for the same reason, however much', () => {
    const web = after(first).deckies[0] as DeckyFacts;
    const later = { ...after(first), deckies: [web, ...brokenOn('a', 9)] };
    assert.deepEqual(short(later), ['deckies_down critical 1/10']);
    assert.equal(idOf(later), idOf(first));
  });

  test('keeps a decky whose exit code changes', () => {
    const facts = after(first);
    const changed = facts.deckies.map((one) => ({ ...one, cause: { ...died, exitCode: 1 } }));
    assert.deepEqual(
      evaluate({ ...facts, deckies: changed }).incidents.map(({ id, cause }) => [id, cause]),
      [[idOf(first), 'ssh: exited with code 137 (killed)']],
    );
  });

  test('of several deckies that went down one by one covers no host', () => {
    let facts = fleet({ hosts: [host('a')] });
    for (let at = 0; at < 8; at += 1) {
      const next = broken(`decky-${at}`, { cause: { ...died, exitCode: at } });
      facts = after({ ...facts, deckies: [...facts.deckies, next] });
    }
    assert.deepEqual(short(facts), Array(8).fill('deckies_down warning 1/1'));
  });

  test('of a base that was restarted is not that of another base, a minute later', () => {
    const cutOff = { service: 'ssh', state: 'cut off from its network', exitCode: null };
    const cut = (name: string, seconds: number) => broken(name, { cause: cutOff, since: agoMs(seconds) });
    const facts = after(fleet({ deckies: [cut('web', 70), cut('mail', 65)] }));
    assert.deepEqual(short({ ...facts, deckies: [...facts.deckies, cut('dns', 5)] }), [
      'deckies_down warning 1/2',
      'deckies_down warning 1/1',
    ]);
  });

  test('of a host keeps what is left of it', () => {
    const facts = after(fleet({ deckies: brokenOn('a', 8) }));
    assert.deepEqual(short({ ...facts, deckies: facts.deckies.slice(0, 1) }), ['host_down critical 1/1']);
  });

  test('of a decky goes on when the Docker of its host is gone later', () => {
    const facts = after(first);
    const gone = { ...facts, hosts: [host('a', { unreachableSince: now })] };
    assert.deepEqual(short(gone), ['docker_unreachable critical 1/10', 'deckies_down warning 1/1']);
  });

  test('of the queues has its hosts until they had time to return', () => {
    const hosts = many(3, (at) => stale(`h${at}`, 100));
    const lost = after(fleet({ control: { ...clear, queuesLostAt: agoMs(100) }, hosts }));
    const back = (seconds: number) => ({ ...lost, control: { ...clear, queuesBackAt: agoMs(seconds) } });
    assert.deepEqual(short(back(10)), ['queues_unreachable critical 3/30']);
    assert.deepEqual(short(back(200)), ['host_stale critical 3/30']);
  });

  test('of hosts takes those that are lost at the same moment, and no later ones', () => {
    const facts = after(fleet({ hosts: [stale('a', 100)] }));
    const more = { ...facts, hosts: [...facts.hosts, stale('b', 90), stale('c', 10)] };
    assert.deepEqual(short(more), ['host_stale critical 2/20', 'host_stale critical 1/10']);
    assert.equal(idOf(more), idOf(facts));
  });
});

describe('how an incident ends', () => {
  const ends = (facts: FleetFacts, later: Partial<FleetFacts>, how: readonly ('recovered' | 'removed')[]) => {
    const known = evaluate(facts).incidents.map((one) => stored(one));
    const next = { ...after(facts), ...later };
    const ended = how.map((one) => ({ host: 'a', name: 'web', under: known[0]?.id ?? '', how: one }));
    const { closed, opened, kept } = follow(known, next, evaluate(next), ended);
    return [
      closed.map(({ before, resolution }) => `${before.kind} ${resolution}`),
      opened.length,
      kept.length,
    ];
  };
  const web = fleet({ deckies: [broken('web')] });
  const underIt = after(web).deckies;

  test('recovered', () =>
    assert.deepEqual(ends(web, { deckies: [] }, ['recovered']), [['deckies_down recovered'], 0, 0]));
  test('removed', () =>
    assert.deepEqual(ends(web, { deckies: [] }, ['removed']), [['deckies_down removed'], 0, 0]));
  test('in part removed', () =>
    assert.deepEqual(ends(web, { deckies: [] }, ['removed', 'recovered']), [
      ['deckies_down recovered'],
      0,
      0,
    ]));
  test('covered, since it keeps changing', () =>
    assert.deepEqual(ends(web, { deckies: underIt.map((one) => ({ ...one, isFlapping: true })) }, []), [
      ['deckies_down covered'],
      1,
      0,
    ]));
  test('not at all', () => assert.deepEqual(ends(web, {}, []), [[], 0, 1]));
  test('a host that answers again is resolved, also if its deckies stay down', () => {
    const gone = fleet({ hosts: [host('a', { unreachableSince: agoMs(20) })], deckies: [broken('web')] });
    assert.deepEqual(ends(gone, { hosts: [host('a')] }, []), [['docker_unreachable recovered'], 1, 0]);
  });
  test('a host without Docker that becomes stale is covered, and one that is heard again is not', () => {
    const mute = fleet({ hosts: [host('a', { unreachableSince: agoMs(200) })] });
    const under = after(mute).hosts[0]?.under ?? null;
    assert.deepEqual(ends(mute, { hosts: [stale('a', 100, { under })] }, []), [
      ['docker_unreachable covered'],
      1,
      0,
    ]);
    const lost = fleet({ hosts: [stale('a', 100)] });
    const heard = host('a', { unreachableSince: agoMs(5), under: after(lost).hosts[0]?.under ?? null });
    assert.deepEqual(ends(lost, { hosts: [heard] }, []), [['host_stale recovered'], 1, 0]);
  });
});

describe('what is reported of an incident', () => {
  const [one] = evaluate(fleet({ deckies: [broken('web')] })).incidents;
  const [lost] = evaluate(fleet({ hosts: [stale('a', 100)] })).incidents;
  assert.ok(one !== undefined && lost !== undefined);
  const extent = (deckies: number, down = 0, fresh = 0): Extent & { fresh: number } => ({
    hosts: 1,
    deckies,
    down,
    fresh,
  });

  test('its opening, once it has lasted, and once', () => {
    assert.equal(isOpeningDue(stored(one), false, now), true);
    assert.equal(isOpeningDue(stored(one, { notified: { ...extent(1), at: now } }), false, now), false);
    const paused = stored({ ...one, kind: 'queue_paused' });
    assert.deepEqual(
      [599, 600].map((s) => isOpeningDue(stored(one), false, now + s * 1000)),
      [true, false],
    );
    assert.deepEqual(
      [29, 30].map((s) => isOpeningDue(paused, false, now + s * 1000)),
      [false, true],
    );
    assert.equal(
      isOpeningDue(stored({ ...one, kind: 'notifications_undelivered' }), false, now + 60_000),
      false,
    );
  });

  test('a stale host waits for those that are late, at most a minute', () => {
    assert.equal(isOpeningDue(stored(lost), false, now), true);
    assert.equal(isOpeningDue(stored(lost), true, now + 59_000), false);
    assert.equal(isOpeningDue(stored(lost), true, now + 60_000), true);
    assert.equal(isOpeningDue(stored(one), true, now), true);
  });

  for (const [seconds, before, after_, expected] of [
    [29, extent(1), extent(50), false],
    [30, extent(1), extent(2), true],
    [30, extent(10), extent(11), false],
    [300, extent(10), extent(11), true],
    [300, extent(10), extent(10), false],
    [300, extent(10), extent(5), false],
    [30, extent(1, 0), extent(1, 1), true],
    // Another one instead of the one that was reported.
    [29, extent(1), extent(1, 0, 1), false],
    [30, extent(1), extent(1, 0, 1), true],
    [30, extent(9), extent(9, 0, 1), false],
    [300, extent(9), extent(9, 0, 1), true],
  ] as const)
    test(`its growth from ${before.deckies}/${before.down} to ${after_.deckies}/${after_.down} after ${seconds} s: ${expected}`, () => {
      const notified = { ...before, at: now };
      assert.equal(isGrowthDue(stored(one, { notified }), after_, now + seconds * 1000), expected);
    });
  test('no growth of the queues that are lost: they are the whole fleet’s', () => {
    const [queues] = evaluate(fleet({ control: { ...clear, queuesLostAt: now } })).incidents;
    assert.ok(queues !== undefined);
    const notified = { ...extent(0), at: now };
    assert.equal(
      isGrowthDue(stored(queues, { notified }), { ...extent(0), hosts: 50, fresh: 50 }, now + 1e9),
      false,
    );
  });
  test('no growth before its opening', () =>
    assert.equal(isGrowthDue(stored(one), extent(50, 0, 50), now + 1e9), false));
});

describe('the words of an incident', () => {
  const wordsOf = (decky: DeckyFacts) => {
    const [one] = evaluate(fleet({ deckies: [decky] })).incidents;
    return [one?.cause, one?.next.host, one?.next.command];
  };
  for (const [cause, expected, next] of [
    [died, 'ssh: exited with code 137 (killed)', 'docker logs --tail 10 web-ssh'],
    [
      { ...died, exitCode: 139 },
      'ssh: exited with code 139 (crashed, SIGSEGV)',
      'docker logs --tail 10 web-ssh',
    ],
    [{ ...died, exitCode: 3 }, 'ssh: exited with code 3', 'docker logs --tail 10 web-ssh'],
    [
      { ...died, endedBy: 'request' },
      'ssh: exited with code 137 (somebody stopped it)',
      'docker logs --tail 10 web-ssh',
    ],
    [
      { ...died, endedBy: 'memory' },
      'ssh: exited with code 137 (it ran out of memory)',
      'docker logs --tail 10 web-ssh',
    ],
    [
      { ...died, endedBy: 'engine' },
      'Docker on host a was stopped or restarted, and did not start all containers again',
      'docker ps --all',
    ],
    [
      { service: 'smtp_relay', state: 'unhealthy', exitCode: null },
      'smtp_relay: unhealthy',
      'docker logs --tail 10 web-smtp-relay',
    ],
    [
      { service: null, state: 'no container', exitCode: null },
      'containers: no container',
      'decnet-fleet plan --host a',
    ],
    [
      { service: null, state: 'dead', exitCode: 255 },
      'base container: dead with code 255',
      'docker logs --tail 10 web',
    ],
    [
      { service: 'ssh', state: 'cut off from its network', exitCode: null },
      'ssh: cut off from its network',
      'docker restart web-ssh',
    ],
  ] as const)
    test(expected, () =>
      assert.deepEqual(wordsOf(broken('web', { cause })), [
        expected,
        next.startsWith('docker ') ? 'a' : null,
        next,
      ]),
    );

  test('no command has a name that a shell could misread', () => {
    const [, , command] = wordsOf(broken('web; rm -rf /', { host: 'a b', cause: died }));
    assert.equal(command, 'decnet-fleet plan');
    assert.equal(wordsOf(broken('web', { host: '$(x)' }))[2], 'decnet-fleet hosts');
  });
});

describe('what fell with Docker', () => {
  const fell = (service: string, exitCode: number): Partial<DeckyFacts> => ({
    cause: { service, state: 'exited', exitCode, endedBy: 'engine' },
  });
  const causes = (...deckies: readonly DeckyFacts[]): readonly string[] =>
    evaluate(fleet({ deckies })).incidents.map(
      ({ kind, cause, deckies: count }) => `${kind} ${count}: ${cause}`,
    );

  test('is one incident of a host, whatever the service and the exit code', () =>
    assert.deepEqual(causes(broken('web', fell('ssh', 0)), broken('mail', fell('smtp', 143))), [
      'deckies_down 2: Docker on host a was stopped or restarted, and did not start all containers again',
    ]));
  test('is another one on another host', () =>
    assert.equal(
      causes(broken('web', fell('ssh', 0)), broken('web', { host: 'b', ...fell('ssh', 0) })).length,
      2,
    ));
  test('is not what somebody stopped before', () =>
    assert.equal(
      causes(broken('web', fell('ssh', 0)), broken('mail', { cause: { ...died, endedBy: 'request' } }))
        .length,
      2,
    ));
  test('says so if it is most of a host', () =>
    assert.deepEqual(causes(...brokenOn('a', 8, fell('ssh', 0))), [
      'host_down 8: Docker on host a was stopped or restarted, and most deckies are down since',
    ]));
});

describe('a receiver of critical messages alone', () => {
  const wanted = { ...noFilter, severity: 'critical' } as const;
  const onB = [broken('web', { host: 'b', isNotified: true })];
  /** Three of a host's three deckies, and one of another host: critical. The one alone: warning. */
  const wide = fleet({
    hosts: [host('a', { deckies: 3 }), host('b')],
    deckies: [...brokenOn('a', 3, { isNotified: true }), ...onB],
  });
  const narrow = fleet({ hosts: [host('b')], deckies: onB });
  /** Judges one state of the fleet after another. @returns what each reported, and what the receiver gets of it */
  const notified = (...steps: readonly FleetFacts[]): readonly string[] => {
    let before: readonly StoredIncident[] = [];
    return steps.flatMap((facts, at) => {
      // Whatever is affected after a message is reported.
      const deckies = facts.deckies.map((one) => ({ ...one, under: before[0]?.id ?? null }));
      const step = { ...facts, deckies, now: now + at * 600_000, open: before, stored: before };
      const { notifications, opened, kept } = judge(
        { ...step, silences: [], silencedEnds: [], unsentEnds: [], ended: [], sent: new Map() },
        { publicUrl: null },
      );
      before = [...opened, ...kept].map((one) => ({
        ...stored(one.now),
        most: one.most,
        ever: one.ever,
        notified: one.notified,
      }));
      return notifications.map((message) => {
        const { event, severity } = message.incident ?? {};
        return `${event} ${severity} ${isWanted(wanted, message) ? 'sent' : 'filtered'}`;
      });
    });
  };

  for (const [what, steps, expected] of [
    ['that stays a warning', [narrow, fleet()], ['opened warning filtered', 'resolved warning filtered']],
    ['that is critical', [wide, fleet()], ['opened critical sent', 'resolved critical sent']],
    ['whose severity falls', [wide, narrow, fleet()], ['opened critical sent', 'resolved critical sent']],
    [
      'whose severity rises and falls',
      [narrow, wide, narrow, fleet()],
      ['opened warning filtered', 'grown critical sent', 'resolved critical sent'],
    ],
    [
      'whose severity falls, and that grows again',
      [
        wide,
        narrow,
        fleet({ hosts: [host('b')], deckies: [...onB, broken('mail', { host: 'b', isNotified: true })] }),
        fleet(),
      ],
      ['opened critical sent', 'grown critical sent', 'resolved critical sent'],
    ],
  ] as const)
    test(`gets the end of an incident ${what}, if it got the beginning`, () =>
      assert.deepEqual(notified(...steps), expected));

  test('gets what an earlier version reported by the severity of now', () => {
    const [one] = evaluate(narrow).incidents;
    assert.ok(one);
    const before = stored(one, { notified: { ...extentOf(one), at: now }, ever: namesOf(one.affected) });
    const { notifications } = judge(
      {
        ...fleet(),
        stored: [before],
        silences: [],
        silencedEnds: [],
        unsentEnds: [],
        ended: [],
        sent: new Map(),
      },
      { publicUrl: null },
    );
    assert.deepEqual(
      notifications.map(({ incident }) => incident?.severity),
      ['warning'],
    );
  });
});
