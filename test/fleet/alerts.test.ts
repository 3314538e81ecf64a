import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { alertFromRow, notifiedRow } from '../../src/database/alert-rows.ts';
import { causeToJson } from '../../src/database/cause.ts';
import { type Alert, alertUpdates, isAboutDecky, isDown } from '../../src/fleet/alerts/alert.ts';
import { type NotifiedAlert, settle } from '../../src/fleet/alerts/decide.ts';
import type { SentMessages } from '../../src/fleet/alerts/limit.ts';
import { type Notification, notificationKinds, notificationOf } from '../../src/fleet/alerts/notification.ts';
import type { Cause } from '../../src/fleet/plan/cause.ts';
import { noMemory } from '../../src/fleet/plan/memory.ts';
import { now } from '../harness/facts.ts';
import { IncidentTable } from '../harness/incident-table.ts';
import { notificationSchema } from '../harness/notification.ts';

const seconds = (count: number): number => now - count * 1000;

interface More {
  readonly notified?: string;
  readonly reason?: string | null;
  readonly cause?: Cause | null;
  readonly changedAt?: number;
  readonly unsettledAt?: number;
  readonly recent?: readonly number[];
  readonly stopped?: { by: string | null; at: number };
}

/** An alert that changed once, a while ago, and was not notified; without a name that of the host. */
const alert = (name: string, state: string, more: More = {}): Alert =>
  alertFromRow({
    host: 'local',
    name,
    state,
    notified: more.notified ?? (name === '' ? 'ok' : 'running'),
    reason: more.reason === undefined ? 'ssh: exited, code 137' : more.reason,
    cause: more.cause === undefined ? causeToJson(died) : causeToJson(more.cause),
    since: seconds(5),
    changedAt: more.changedAt ?? seconds(5),
    unsettledAt: more.unsettledAt ?? more.changedAt ?? seconds(5),
    recent: (more.recent ?? [seconds(5)]).map((at) => at / 1000),
    now,
    stoppedAt: more.stopped?.at ?? null,
    stoppedBy: more.stopped?.by ?? null,
    incident: null,
  });
const died: Cause = { service: 'ssh', state: 'exited', exitCode: 137 };

interface Decision {
  readonly notified: readonly NotifiedAlert[];
  readonly notifications: readonly Notification[];
}

/** What is recorded and sent now, of alerts whose last notified states were reported as incidents a minute ago. */
function decided(
  alerts: readonly Alert[],
  deckies = 10,
  publicUrl: string | null = null,
  sent: ReadonlyMap<string, SentMessages> = new Map(),
): Decision {
  const table = new IncidentTable(new Map(), publicUrl);
  const earlier = alerts.map(asNotified);
  table.look(now - 60_000, { before: earlier, after: earlier, deckies });
  table.sent = sent;
  const notified = settle(now, alerts);
  const rows = new Map(notified.map((one) => [locationOf(one.host, one.subject), one.subject]));
  const after = alerts.flatMap((one): readonly Alert[] => {
    const { subject } = one;
    const row = rows.get(locationOf(one.host, subject));
    if (row === undefined) return [one];
    if (subject.kind === 'host')
      return row.kind === 'host'
        ? [{ ...one, subject: { ...subject, notified: row.notified } } as Alert]
        : [];
    if (row.kind === 'host' || row.notified === null) return [];
    return [{ ...one, subject: { ...subject, notified: row.notified } } as Alert];
  });
  return { notified, notifications: table.look(now, { before: alerts, after, deckies }) };
}

/** As it was when its state was notified. */
const asNotified = (one: Alert): Alert =>
  isAboutDecky(one) && isDown(one.subject.notified)
    ? { ...one, subject: { ...one.subject, state: one.subject.notified } }
    : one;

const locationOf = (host: string, subject: { kind: string; name?: string }): string =>
  `${host} ${subject.name ?? ''}`;
const kinds = (decision: Decision): readonly string[] =>
  decision.notifications.map(({ kind, name, count }) => `${kind} ${name ?? count}`);
const notifiedStates = (decision: Decision): readonly (string | null)[] =>
  decision.notified.map((one) => notifiedRow(one).notified);
const nothing: Decision = { notifications: [], notified: [] };
const many = (count: number, state: string, more: More = {}): readonly Alert[] =>
  Array.from({ length: count }, (_, at) => alert(`decky-${at}`, state, more));

describe('which transitions matter to alerts', () => {
  const left = (ran: boolean) => ({
    ...noMemory,
    left: new Map([['web', { since: now, writtenAt: now, ran }]]),
  });
  for (const [what, from, to, memory, makes] of [
    ['a crash', 'running', 'failed', noMemory, 'alert'],
    ['a tear-down that failed', 'running', 'teardown_failed', noMemory, 'alert'],
    ['a crash after a deployer wrote it and it was seen', 'running', 'torn_down', left(true), 'alert'],
    ['a deployer’s word that nobody saw', 'running', 'torn_down', left(false), 'if it ran'],
    ['down from pending', 'pending', 'failed', noMemory, 'if it ran'],
    ['down from another down', 'degraded', 'failed', noMemory, 'if it ran'],
    ['inserted down', null, 'torn_down', noMemory, 'none'],
    ['deploying', 'failed', 'pending', noMemory, 'none'],
    ['inserted deploying', null, 'pending', noMemory, 'none'],
    ['running', 'failed', 'running', noMemory, 'none'],
    ['deleted', 'running', null, noMemory, 'none'],
    ['content', 'failed', 'failed', noMemory, undefined],
    ['tearing down', 'running', 'tearing_down', noMemory, undefined],
  ] as const) {
    test(`${what}: ${makes ?? 'ignored'}`, () => {
      const cause = { service: 'ssh', state: 'exited', exitCode: 1 };
      const [update] = alertUpdates([{ name: 'web', from, to, reason: 'x', cause }], memory);
      assert.equal(update?.makes, makes);
      if (makes !== undefined) assert.equal(update?.cause, cause);
      if (to === null) assert.equal(update?.state, 'removed');
    });
  }
});

describe('which messages are sent', () => {
  test('a crash is one message, and a recovery one', () => {
    assert.deepEqual(kinds(decided([alert('web', 'failed')])), ['decky_down web']);
    assert.deepEqual(kinds(decided([alert('web', 'running', { notified: 'failed' })])), [
      'decky_recovered web',
    ]);
    assert.deepEqual(notifiedStates(decided([alert('web', 'failed')])), ['failed']);
  });

  test('nothing before it has settled, for all of a host together, and not for ever', () => {
    const fresh = alert('new', 'failed', { changedAt: seconds(1) });
    assert.deepEqual(kinds(decided([fresh])), []);
    assert.deepEqual(kinds(decided([fresh, alert('web', 'failed')])), []);
    const old = alert('web', 'failed', { changedAt: seconds(10) });
    assert.deepEqual(kinds(decided([fresh, old])), ['decky_down web']);
    const restless = alert('new', 'failed', { changedAt: seconds(1), unsettledAt: seconds(10) });
    assert.deepEqual(kinds(decided([restless])), ['decky_down new']);
  });

  test('a change that was undone before it settled sends nothing', () => {
    assert.deepEqual(decided([alert('web', 'running')]), nothing);
  });

  test('most of a host at once is one message, and so is its recovery', () => {
    assert.deepEqual(kinds(decided(many(6, 'failed'))), ['host_down 6']);
    assert.deepEqual(kinds(decided(many(5, 'failed'))), ['host_down 5']);
    assert.deepEqual(kinds(decided(many(2, 'failed'), 2)), ['host_down 2']);
    assert.deepEqual(kinds(decided(many(21, 'failed'), 1000)), ['host_down 21']);
    const recovering = many(4, 'running', { notified: 'failed' });
    assert.deepEqual(kinds(decided(recovering, 100)), ['host_recovered 4']);
    // What is left of it goes on.
    assert.deepEqual(kinds(decided([...recovering, alert('x', 'failed', { notified: 'failed' })], 100)), []);
    assert.deepEqual(kinds(decided(many(3, 'removed', { notified: 'failed' }), 0)), ['host_cleared 3']);
  });

  test('a message for many names what they share, and the first of them', () => {
    const [message] = decided(many(150, 'failed'), 150).notifications;
    assert.deepEqual(
      [message?.count, message?.names.length, message?.state, message?.exit_code],
      [150, 100, 'failed', 137],
    );
    assert.equal(
      message?.text,
      '150 of 150 deckies on host local are failed: ssh: exited, code 137 (killed): decky-0, decky-1, decky-2, decky-3, decky-4 and 145 more',
    );
    const gone = { reason: 'no container', cause: { service: null, state: 'no container', exitCode: null } };
    const [mixed] = decided([...many(3, 'failed'), alert('x', 'torn_down', gone)], 4).notifications;
    assert.deepEqual([mixed?.state, mixed?.reason, mixed?.previous_state], [null, null, 'running']);
    assert.deepEqual([mixed?.service, mixed?.exit_code], [null, null]);
    const other = { service: 'ssh', state: 'exited', exitCode: 1 };
    const [codes] = decided([...many(3, 'failed'), alert('x', 'failed', { cause: other })], 4).notifications;
    assert.deepEqual([codes?.service, codes?.exit_code], ['ssh', null]);
    const [older] = decided([alert('x', 'failed', { cause: null })]).notifications;
    assert.deepEqual(
      [older?.reason, older?.service, older?.exit_code],
      ['ssh: exited, code 137', null, null],
    );
  });

  test('a removal is sent only after a message that it was down, and its row is deleted', () => {
    const quiet = decided([alert('web', 'removed')]);
    assert.deepEqual([kinds(quiet), notifiedStates(quiet)], [[], [null]]);
    const loud = decided([alert('web', 'removed', { notified: 'failed' })]);
    assert.deepEqual([kinds(loud), notifiedStates(loud)], [['decky_removed web'], [null]]);
  });

  test('flapping is sent once, and then how it ended', () => {
    const recent = [40, 30, 20].map(seconds);
    const flaps = decided([alert('web', 'running', { notified: 'failed', recent, changedAt: seconds(10) })]);
    assert.deepEqual([kinds(flaps), notifiedStates(flaps)], [['decky_flapping web'], ['flapping']]);
    const still = alert('web', 'failed', { recent, notified: 'flapping', changedAt: seconds(299) });
    assert.deepEqual(decided([still]), nothing);
    const ended = decided([{ ...still, changedAt: seconds(300) }]);
    assert.deepEqual(kinds(ended), ['decky_down web']);
    assert.deepEqual(ended.notified.map(notifiedRow), [
      { host: 'local', name: 'web', notified: 'failed', clearsChanges: true },
    ]);
    const slow = [900, 700, 20, 10].map(seconds);
    assert.deepEqual(kinds(decided([alert('web', 'failed', { recent: slow })])), ['decky_down web']);
    // What was reported and is so still is no change.
    const notified = alert('web', 'failed', { notified: 'failed', recent: [...recent, seconds(10)] });
    assert.deepEqual(kinds(decided([notified])), []);
  });

  test('one that flaps holds up nobody', () => {
    const flaps = alert('web', 'failed', { notified: 'flapping', changedAt: now });
    assert.deepEqual(kinds(decided([flaps, alert('mail', 'failed')])), ['decky_down mail']);
  });

  for (const [state, before, expected] of [
    ['stale', 'ok', ['host_stale']],
    ['ok', 'stale', ['host_fresh']],
    ['unreachable', 'ok', ['docker_unreachable']],
    ['ok', 'unreachable', ['docker_back']],
    ['stale unreachable', 'unreachable', ['host_stale']],
    ['unreachable', 'stale', ['host_fresh', 'docker_unreachable']],
    ['ok', 'stale unreachable', ['host_fresh']],
    ['ok', 'flapping', ['host_fresh']],
  ] as const) {
    test(`a host: ${before} → ${state}`, () => {
      const decision = decided([alert('', state, { notified: before, changedAt: seconds(400) })]);
      assert.deepEqual(
        decision.notifications.map(({ kind }) => kind),
        expected,
      );
      assert.deepEqual(notifiedStates(decision), [state]);
    });
  }

  for (const [by, reason] of [
    ['admin', 'stopped by admin at 2026-11-27T22:15:00.000Z'],
    [null, 'stopped on request at 2026-11-27T22:15:00.000Z'],
  ] as const) {
    test(`a host whose worker was stopped, by ${by}, is one message with the reason`, () => {
      const stopped = { by, at: Date.parse('2026-11-27T22:15:00Z') };
      const [stale, ...more] = decided([alert('', 'stale', { stopped })]).notifications;
      assert.deepEqual(more, []);
      assert.deepEqual(
        [stale?.kind, stale?.reason, stale?.text],
        ['host_stale', reason, `Host local is not monitored: ${reason}`],
      );
      const both = { stopped, reason: 'Docker does not answer' };
      assert.deepEqual(
        decided([alert('', 'stale unreachable', both)]).notifications.map((one) => one.reason),
        [reason],
      );
      const fresh = decided([alert('', 'ok', { stopped, notified: 'stale' })]).notifications;
      assert.deepEqual(
        fresh.map((one) => [one.kind, one.reason]),
        [['host_fresh', null]],
      );
    });
  }

  test('a state that nobody knows is passed over', () => {
    const decision = decided([alert('x', 'nonsense')]);
    assert.deepEqual([kinds(decision), notifiedStates(decision)], [[], ['nonsense']]);
  });
});

describe('every kind of message', () => {
  const flap = { recent: [40, 30, 20, 10].map(seconds), changedAt: seconds(10) };
  const host = {
    reason: 'Docker does not answer: connect ENOENT /var/run/docker.sock',
    changedAt: seconds(400),
  };
  const recovered = { notified: 'failed', reason: 'all its containers run' };
  const gone = { notified: 'failed', reason: 'not in the file any more' };
  const facts: readonly (readonly Alert[])[] = [
    ...['failed', 'degraded', 'torn_down', 'teardown_failed'].map((state) => [alert('web', state)]),
    ...['no container', 'base container: dead', 'not in the file: ssh', 'by another program', null].map(
      (reason) => [alert('web', 'failed', { reason })],
    ),
    [alert('web', 'running', recovered)],
    // Whatever a row says.
    [alert('web', 'running', { notified: 'failed' })],
    [alert('web', 'removed', gone)],
    [alert('web', 'failed', flap)],
    [alert('web', 'nonsense', { ...flap, notified: '<b>' })],
    [alert('', 'nonsense', { notified: '<b> stale', changedAt: seconds(400) })],
    [alert('web', 'failed', { notified: 'flapping', changedAt: seconds(400) })],
    many(6, 'failed'),
    [...many(6, 'failed'), alert('x', 'torn_down', { reason: 'no container' })],
    many(6, 'running', recovered),
    many(6, 'removed', gone),
    many(6, 'failed', flap),
    many(30, 'failed', flap),
    many(2, 'failed', { cause: { ...died, deployment: { outcome: 'failed', of: 'new-01' } } }),
    [
      alert('new-01', 'torn_down', {
        notified: 'pending',
        cause: { ...died, deployment: { outcome: 'unfinished', of: 'the state file' } },
      }),
    ],
    ...['ok', 'stale', 'unreachable', 'stale unreachable'].flatMap((state) =>
      ['ok', 'stale', 'unreachable', 'stale unreachable', 'flapping'].map((before) => [
        alert('', state, { ...host, notified: before }),
      ]),
    ),
    [alert('', 'stale', { ...host, stopped: { by: 'admin', at: 0 } })],
    [alert('', 'stale unreachable', { ...host, ...flap })],
  ];
  const holds = notificationSchema();

  test('is as the schema says, and names a service or none', () => {
    const kinds = new Set<string>();
    const look = (notifications: readonly Notification[]): void => {
      for (const one of notifications) {
        kinds.add(one.kind);
        const sent = JSON.parse(JSON.stringify({ id: '00000000-0000-0000-0000-000000000000', ...one }));
        assert.ok(holds(sent), `${JSON.stringify(one)} ${JSON.stringify(holds.errors)}`);
        assert.ok([null, 'ssh'].includes(one.service), JSON.stringify(one));
      }
    };
    for (const alerts of facts) look(decided(alerts).notifications);
    // More than may be sent in a minute.
    const sent = new Map([['local', { sent: 20, limited: false }]]);
    look(decided([alert('web', 'failed')], 10, 'https://f', sent).notifications);
    const others = ['incident_opened', 'incident_grown', 'incident_resolved', 'silence_ended', 'test'];
    assert.deepEqual([...kinds].sort(), notificationKinds.filter((kind) => !others.includes(kind)).sort());
  });

  test('that has a wrong field is refused by the schema', () => {
    const [down] = decided([alert('web', 'failed')]).notifications;
    const [docker] = decided([alert('', 'unreachable', host)]).notifications;
    const id = '00000000-0000-0000-0000-000000000000';
    assert.ok(holds({ id, ...down }) && holds({ id, ...docker }));
    for (const wrong of [
      { ...docker, service: 'Docker does not answer' },
      { ...docker, service: 'ssh' },
      { ...docker, name: 'web' },
      { ...docker, count: 1 },
      { ...docker, state: 'failed' },
      { ...down, service: 'base: container' },
      { ...down, service: '' },
      { ...down, name: null },
      { ...down, state: 'running' },
      { ...down, names: ['web'] },
      { ...down, previous_state: 'stale' },
    ])
      assert.ok(!holds({ id, ...wrong }), JSON.stringify(wrong));
  });
});

describe('the words of a message', () => {
  const message = (more: Partial<Parameters<typeof notificationOf>[0]> = {}, url: string | null = null) =>
    notificationOf(
      {
        kind: 'decky_down',
        host: 'host-a',
        names: ['web'],
        state: 'failed',
        previous: 'running',
        reason: 'smtp_relay: exited, code 137; http: no container',
        service: 'smtp_relay',
        exitCode: 137,
        endedBy: null,
        deployment: null,
        since: now,
        deckies: 3,
        incident: null,
        ...more,
      },
      url,
    );

  test('say that deckies of different services fell with Docker', () => {
    const fell = { names: ['web', 'mail'], reason: null, endedBy: 'engine' } as const;
    assert.equal(
      message({ ...fell, kind: 'host_down' }).text,
      '2 of 3 deckies on host host-a are failed: Docker was stopped or restarted: web, mail',
    );
    assert.doesNotMatch(message({ ...fell, kind: 'host_flapping' }).text, /Docker/);
  });

  test('say which, what, since when, and where to look', () => {
    const expected: Notification = {
      kind: 'decky_down',
      host_uuid: 'host-a',
      name: 'web',
      names: [],
      count: 1,
      state: 'failed',
      previous_state: 'running',
      reason: 'smtp_relay: exited, code 137; http: no container',
      service: 'smtp_relay',
      exit_code: 137,
      since: '2026-03-01T12:00:00.000Z',
      link: 'https://fleet.example/base/deckies/host-a/web',
      incident: null,
      text: 'web on host host-a is failed (was running): smtp_relay: exited, code 137 (killed); http: no container',
    };
    assert.deepEqual(message({}, 'https://fleet.example/base/?x#y'), expected);
  });

  test('link to the host where it is about the host, whatever it is called', () => {
    assert.equal(
      message({ kind: 'host_stale', names: [], host: 'a/b ?' }, 'http://f').link,
      'http://f/hosts/a%2Fb%20%3F',
    );
    assert.equal(message({ names: ['../x#'] }, 'http://f/').link, 'http://f/deckies/host-a/..%2Fx%23');
  });

  test('are one line of bounded length, whatever a row holds', () => {
    const { text, reason } = message({
      names: ['a\nb\u2028c\u202e'],
      reason: `x\r\n\u0007${'y'.repeat(5000)}`,
    });
    assert.doesNotMatch(text, /\p{C}|\p{Zl}/u);
    assert.ok(text.length < 600 && reason?.length === 500);
  });

  for (const service of ['', ' ssh', 'ssh ', 'a:b', 'a;b', 'a\nb', 'a\u202eb', 'x'.repeat(129)]) {
    test(`name no service ${JSON.stringify(service.slice(0, 10))}`, () => {
      const { service: named, exit_code } = message({ service });
      assert.deepEqual([named, exit_code], [null, 137]);
    });
  }

  for (const kind of ['decky_recovered', 'decky_removed', 'host_recovered', 'host_cleared'] as const) {
    test(`of ${kind} name no service and no exit code, whatever a row holds`, () => {
      const { service, exit_code } = message({ kind });
      assert.deepEqual([service, exit_code], [null, null]);
    });
  }
});
