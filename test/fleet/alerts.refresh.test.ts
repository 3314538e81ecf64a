import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeckyAlert } from '../../src/fleet/alerts/alert.ts';
import { refreshed, waitingOf } from '../../src/fleet/alerts/refresh.ts';
import type { Cause } from '../../src/fleet/plan/cause.ts';
import { withEnd } from '../../src/fleet/words.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { now } from '../harness/facts.ts';
import { IncidentTable } from '../harness/incident-table.ts';

const died: Cause = { service: 'ssh', state: 'exited', exitCode: 1 };
const deployment = { outcome: 'failed', of: 'new-01' } as const;

interface More {
  readonly state?: string;
  readonly notified?: string;
  readonly reason?: string;
  readonly cause?: Cause;
}

const alert = (
  name: string,
  { state = 'failed', notified = 'running', reason = 'old', cause = died }: More = {},
): DeckyAlert => ({
  host: 'local',
  subject: { kind: 'decky', name, state, notified, cause },
  reason,
  since: now - 20_000,
  changedAt: now - 20_000,
  unsettledAt: now - 20_000,
  recent: [],
});

/** The message about these alerts, as it was queued. */
function queued(alerts: readonly DeckyAlert[]): JsonObject {
  const after = alerts.map((one) => ({ ...one, subject: { ...one.subject, notified: one.subject.state } }));
  const table = new IncidentTable(new Map(), 'https://fleet.example');
  const notifications = table.look(now, { before: alerts, after, deckies: alerts.length });
  assert.equal(notifications.length, 1);
  return notifications[0] ?? {};
}

const later = (body: JsonObject, alerts: readonly DeckyAlert[]): JsonObject => {
  const waiting = waitingOf(body) ?? assert.fail('it carries a reason');
  return refreshed(body, waiting, alerts, alerts.length);
};

const names = ['a', 'b', 'c'];
const many = (more: More = {}): readonly DeckyAlert[] => names.map((name) => alert(name, more));

describe('a message that waited', () => {
  test('is the same where nothing changed', () => {
    for (const alerts of [[alert('a')], many(), many({ cause: { ...died, deployment } })])
      assert.deepEqual(later(queued(alerts), alerts), queued(alerts));
  });

  for (const [what, before, after, text] of [
    [
      'about one decky',
      [alert('a')],
      [alert('a', { notified: 'failed', reason: 'new; x', cause: { ...died, endedBy: 'memory' } })],
      'a on host local is failed (was running): new (ran out of memory); x',
    ],
    [
      'about most of a host',
      many(),
      many({ notified: 'failed', reason: 'new' }),
      '3 of 3 deckies on host local are failed: new: a, b, c',
    ],
    [
      'about deckies whose reasons differ now',
      many(),
      [...many().slice(1), alert('a', { reason: 'new' })],
      '3 of 3 deckies on host local are failed: a, b, c',
    ],
    [
      'about deckies that differed in their state',
      [...many().slice(1), alert('a', { state: 'degraded' })],
      [...many({ reason: 'new' }).slice(1), alert('a', { state: 'degraded', reason: 'new' })],
      '3 of 3 deckies on host local are down: new: a, b, c',
    ],
    [
      'about a deployment',
      many({ cause: { ...died, deployment } }),
      many({ cause: { ...died, deployment }, reason: 'new' }),
      'The deployment of new-01 on host local failed: 3 of 3 deckies are down: new: a, b, c',
    ],
  ] as const)
    test(`${what} says the reason of now`, () => {
      const body = later(queued(before), after);
      const { text: said, reason, service, exit_code, ...rest } = body;
      assert.equal(said, text);
      const {
        text: _text,
        reason: _reason,
        service: _service,
        exit_code: _code,
        ...queuedRest
      } = queued(before);
      assert.deepEqual(rest, queuedRest);
      assert.ok(reason === null || text.includes(String(reason).slice(0, 3)));
      assert.deepEqual([service, exit_code], ['ssh', 1]);
    });

  for (const [what, before, after] of [
    ['runs again', [alert('a')], [alert('a', { state: 'running', reason: 'new' })]],
    ['is in another state', [alert('a')], [alert('a', { state: 'degraded', reason: 'new' })]],
    ['has no alert any more', [alert('a')], []],
    [
      'is one of several and runs again',
      many(),
      [...many({ reason: 'new' }).slice(1), alert('a', { state: 'running' })],
    ],
    [
      'is no longer down by the deployment',
      many({ cause: { ...died, deployment } }),
      many({ reason: 'new' }),
    ],
  ] as const)
    test(`stays as it was where its decky ${what}`, () => {
      assert.deepEqual(later(queued(before), after), queued(before));
    });

  test('carries no reason, or names fewer deckies than it is about: nothing is looked up', () => {
    const recovered = { kind: 'decky_recovered', host_uuid: 'local', name: 'a', count: 1 };
    const large = queued(Array.from({ length: 101 }, (_, at) => alert(`decky-${at}`)));
    for (const body of [recovered, large, {}, { kind: 'decky_down', host_uuid: 7, name: 'a', count: 1 }])
      assert.equal(waitingOf(body), null);
  });
});

describe('who ended it', () => {
  for (const [reason, endedBy, expected] of [
    ['ssh: exited, code 137', 'request', 'ssh: exited, code 137 (stopped on request)'],
    ['ssh: exited; http: $& $1', 'memory', 'ssh: exited (ran out of memory); http: $& $1'],
    ['ssh: exited (stopped on request)', 'request', 'ssh: exited (stopped on request)'],
  ] as const)
    test(`is said once of ${JSON.stringify(reason)}`, () => assert.equal(withEnd(reason, endedBy), expected));
});
