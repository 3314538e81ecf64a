import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Affected, IncidentKind } from '../../src/fleet/incidents/incident.ts';
import { type ActiveSilence, coverOf } from '../../src/fleet/silences/cover.ts';
import { evaluateSilences, type StoredSilence } from '../../src/fleet/silences/evaluate.ts';
import { parseScope, periodAt, type Scope, scopeText } from '../../src/fleet/silences/silence.ts';
import { type SilencedIncident, summaryMessage } from '../../src/fleet/silences/summary.ts';
import { occurrenceAt, parseWindow, type Window, windowText } from '../../src/fleet/silences/window.ts';
import { now } from '../harness/facts.ts';
import { fc } from '../harness/property.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const at = (text: string): number => Date.parse(`${text}Z`);

function windowOf(text: string): Window {
  const found = parseWindow(text);
  assert.ok(!('fault' in found), JSON.stringify(found));
  return found;
}

const silence = (more: Partial<StoredSilence> = {}): StoredSilence => ({
  id: '1',
  scope: { kind: 'everything' },
  startsAt: now - hour,
  until: now + hour,
  every: null,
  who: 'ops',
  why: 'kernel update',
  endedAt: null,
  activeSince: null,
  ...more,
});

describe('a window that recurs', () => {
  for (const [text, canonical] of [
    ['mon-fri 22:00-06:00', 'mon,tue,wed,thu,fri 22:00-06:00'],
    ['daily 01:00-02:30', 'daily 01:00-02:30'],
    ['1:00-2:30', 'daily 01:00-02:30'],
    ['SAT,sun 00:00-24:00', 'sun,sat 00:00-24:00'],
    ['fri-mon 12:00-13:00', 'sun,mon,fri,sat 12:00-13:00'],
    ['sun-sat 23:00-00:00', 'daily 23:00-24:00'],
  ] as const)
    test(`${text} is ${canonical}`, () => {
      assert.equal(windowText(windowOf(text)), canonical);
      assert.deepEqual(windowOf(canonical), windowOf(text));
    });

  for (const [text, words] of [
    ['', /mon-fri 22:00-06:00/],
    ['mon 25:00-26:00', /Allowed: days and times/],
    ['mon 10:60-11:00', /Allowed: days and times/],
    ['mon 24:00-06:00', /Allowed: days and times/],
    ['mon 10:00-10:00', /a whole day is 00:00-24:00/],
    ['mno 10:00-11:00', /"mno" is not a day\. Did you mean mon\?/],
    ['mon-tue-wed 10:00-11:00', /"mon-tue-wed" is not a day/],
    ['mon, 10:00-11:00', /"" is not a day/],
    ['weekdays 10:00-11:00', /"weekdays" is not a day/],
  ] as const)
    test(`"${text}" is none`, () => {
      const found = parseWindow(text);
      assert.ok('fault' in found);
      assert.match(found.fault, words);
    });

  // 2026-03-02 is a Monday.
  for (const [text, moment, expected] of [
    ['mon 22:00-06:00', '2026-03-02T21:59:59.999', null],
    ['mon 22:00-06:00', '2026-03-02T22:00', ['2026-03-02T22:00', '2026-03-03T06:00']],
    ['mon 22:00-06:00', '2026-03-03T05:59:59.999', ['2026-03-02T22:00', '2026-03-03T06:00']],
    ['mon 22:00-06:00', '2026-03-03T06:00', null],
    ['mon 22:00-06:00', '2026-03-03T22:00', null],
    ['mon 22:00-06:00', '2026-03-02T03:00', null],
    ['sun 22:00-06:00', '2026-03-02T03:00', ['2026-03-01T22:00', '2026-03-02T06:00']],
    ['sat,sun 00:00-24:00', '2026-03-07T12:00', ['2026-03-07T00:00', '2026-03-09T00:00']],
    // In many locations the clock is changed in this night. UTC does not change.
    ['daily 01:30-02:30', '2026-03-29T01:30', ['2026-03-29T01:30', '2026-03-29T02:30']],
  ] as const)
    test(`${text} at ${moment}`, () => {
      const found = occurrenceAt(windowOf(text), at(moment));
      assert.deepEqual(found, expected && { from: at(expected[0]), to: at(expected[1]) });
    });

  const window = fc
    .record({
      days: fc.subarray([0, 1, 2, 3, 4, 5, 6], { minLength: 1 }),
      fromMinute: fc.nat(1439),
      lengthMinutes: fc.integer({ min: 1, max: 1440 }),
    })
    .filter(({ fromMinute, lengthMinutes }) => lengthMinutes < 1440 || fromMinute === 0);

  test('its text is read as the same window', () => {
    fc.assert(fc.property(window, (one) => assert.deepEqual(parseWindow(windowText(one)), { ...one })));
  });

  test('a moment is in it as if each minute had been counted, and so is its whole occurrence', () => {
    const counted = (one: Window, moment: number): boolean => {
      for (let back = 0; back < one.lengthMinutes; back += 1) {
        const begin = new Date(Math.floor(moment / minute) * minute - back * minute);
        if (begin.getUTCHours() * 60 + begin.getUTCMinutes() === one.fromMinute)
          if (one.days.includes(begin.getUTCDay())) return true;
      }
      return false;
    };
    fc.assert(
      fc.property(window, fc.nat(14 * day), fc.double({ min: 0, max: 1, noNaN: true }), (one, ms, part) => {
        const found = occurrenceAt(one, now + ms);
        assert.equal(found !== null, counted(one, now + ms));
        if (found === null) return;
        assert.ok(found.from <= now + ms && now + ms < found.to);
        assert.ok(counted(one, Math.min(found.to - 1, found.from + (found.to - found.from) * part)));
      }),
    );
  });
});

describe('when a silence is active', () => {
  const night = windowOf('daily 22:00-06:00');
  for (const [what, more, moment, expected] of [
    ['from its start', {}, now - hour, [now - hour, now + hour]],
    ['not before', {}, now - hour - 1, null],
    ['not at its end', {}, now + hour, null],
    ['until somebody ends it', { endedAt: now + 5 }, now + 4, [now - hour, now + 5]],
    ['not afterwards', { endedAt: now + 5 }, now + 5, null],
    ['not outside its window', { every: night }, now, null],
    [
      'within its window, and no longer than it lasts itself',
      { every: night, startsAt: at('2026-03-01T23:00'), until: at('2026-03-03T05:00') },
      at('2026-03-03T01:00'),
      [at('2026-03-02T22:00'), at('2026-03-03T05:00')],
    ],
    [
      'from its start within a window',
      { every: night, startsAt: at('2026-03-01T23:00'), until: at('2026-03-03T05:00') },
      at('2026-03-02T01:00'),
      [at('2026-03-01T23:00'), at('2026-03-02T06:00')],
    ],
  ] as const)
    test(what, () =>
      assert.deepEqual(periodAt(silence(more), moment), expected && { from: expected[0], to: expected[1] }),
    );
});

describe('which silence covers an incident', () => {
  const active = (id: string, scope: Scope, to = now + hour): ActiveSilence => ({
    silence: silence({ id, scope }),
    to,
  });
  const hostA = active('a', { kind: 'host', host: 'a' });
  const hostB = active('b', { kind: 'host', host: 'b' }, now + minute);
  const all = active('all', { kind: 'everything' }, now + 2 * hour);
  const web = active('web', { kind: 'decky', host: 'a', name: 'web' });
  const stale = active('stale', { kind: 'cause', cause: 'host_stale' });
  const location = (host: string | null, name: string | null): Affected => ({ host, name, since: now });
  const cases: readonly (readonly [
    what: string,
    kind: IncidentKind,
    affected: readonly Affected[],
    active: readonly ActiveSilence[],
    expected: readonly string[] | null,
  ])[] = [
    ['none is active', 'deckies_down', [location('a', 'web')], [], null],
    ['its host', 'deckies_down', [location('a', 'web')], [hostA], ['a']],
    ['another host', 'deckies_down', [location('b', 'web')], [hostA], null],
    ['one of two hosts', 'host_stale', [location('a', null), location('b', null)], [hostA], null],
    ['both hosts', 'host_stale', [location('a', null), location('b', null)], [hostA, hostB], ['b', 'a']],
    ['its decky', 'deckies_down', [location('a', 'web')], [web], ['web']],
    ['one of two deckies', 'deckies_down', [location('a', 'web'), location('a', 'db')], [web], null],
    ['a decky of a host that is stale', 'host_stale', [location('a', null)], [web], null],
    ['its cause', 'host_stale', [location('a', null)], [stale], ['stale']],
    ['another cause', 'docker_unreachable', [location('a', null)], [stale], null],
    ['the control plane is no host', 'queues_unreachable', [location(null, 'redis')], [hostA], null],
    ['everything', 'queues_unreachable', [location(null, 'redis'), location('a', null)], [all], ['all']],
    ['of two the one that lasts longer', 'deckies_down', [location('a', 'web')], [hostA, all], ['all']],
  ];
  for (const [what, kind, affected, some, expected] of cases)
    test(what, () => assert.deepEqual(coverOf({ kind, affected }, some)?.all ?? null, expected));

  test('it says the one that ends first', () => {
    const both = { kind: 'host_stale' as const, affected: [location('a', null), location('b', null)] };
    assert.equal(coverOf(both, [hostA, hostB])?.first, 'b');
  });
});

describe('what has become of silences since the last evaluation', () => {
  const short = (stored: readonly StoredSilence[], tells = true) => {
    const { active, over, changes } = evaluateSilences(stored, now, tells);
    return {
      active: active.map(({ to }) => to),
      over: over.map(({ period }) => [period.from, period.to]),
      changes: changes.map(({ activeSince }) => activeSince),
    };
  };
  const [from, to] = [now - hour, now + hour];
  const night = windowOf('daily 22:00-11:30');
  for (const [what, stored, expected] of [
    ['it begins', silence(), { active: [to], over: [], changes: [from] }],
    ['it lasts', silence({ activeSince: from }), { active: [to], over: [], changes: [] }],
    [
      'it ends',
      silence({ activeSince: from, until: now }),
      { active: [], over: [[from, now]], changes: [null] },
    ],
    [
      'somebody has ended it',
      silence({ activeSince: from, endedAt: now - 5 }),
      { active: [], over: [[from, now - 5]], changes: [null] },
    ],
    ['it was over before it was seen', silence({ endedAt: now - 5 }), { active: [], over: [], changes: [] }],
    [
      'its window ends',
      silence({ every: night, startsAt: now - 7 * day, activeSince: at('2026-02-28T22:00') }),
      { active: [], over: [[at('2026-02-28T22:00'), at('2026-03-01T11:30')]], changes: [null] },
    ],
    [
      'nothing evaluated it from one window to the next',
      silence({
        every: windowOf('daily 11:30-13:00'),
        startsAt: now - 7 * day,
        activeSince: at('2026-02-28T11:30'),
      }),
      {
        active: [at('2026-03-01T13:00')].map((end) => Math.min(end, to)),
        over: [[at('2026-02-28T11:30'), at('2026-02-28T13:00')]],
        changes: [at('2026-03-01T11:30')],
      },
    ],
  ] as const)
    test(what, () => assert.deepEqual(short([stored]), expected));

  test('a process that sends nothing leaves the summary to others, for a while', () => {
    const over = (until: number) => silence({ activeSince: from, until });
    assert.deepEqual(short([over(now - minute)], false).over, []);
    assert.deepEqual(short([over(now - minute)], false).changes, []);
    assert.deepEqual(short([over(now - 10 * minute)], false).changes, [null]);
  });
});

describe('the summary at the end of a silence', () => {
  const incident = (cause: string, more: Partial<SilencedIncident> = {}): SilencedIncident => ({
    cause,
    since: now - 30 * minute,
    openedAt: now - 30 * minute,
    silencedEver: ['1'],
    notified: null,
    closedAt: null,
    resolution: null,
    ...more,
  });
  const notified = { hosts: 1, deckies: 1, down: 1, at: now - 2 * hour };
  const before = { openedAt: now - 2 * hour };
  const ended = { closedAt: now - 10 * minute, resolution: 'recovered' as const };
  const textOf = (some: readonly SilencedIncident[], scope: Scope = { kind: 'host', host: 'a' }) =>
    summaryMessage({ silence: silence({ scope }), period: { from: now - hour, to: now } }, some, null)
      ?.text ?? null;

  for (const [what, some, words] of [
    ['nothing happened', [], null],
    ['another silence', [incident('x', { silencedEver: ['2'] })], null],
    ['reported before, and still open', [incident('x', { ...before, notified })], null],
    ['reported before, and its end was reported', [incident('x', { ...before, ...ended, notified })], null],
    ['it had ended before', [incident('x', { ...ended, closedAt: now - 2 * hour })], null],
    [
      'still open',
      [incident('x')],
      /^The silence of host a by ops \(kernel update\) is over: 1 incident not sent; still open \(1\): x$/,
    ],
    ['ended', [incident('x', ended)], /1 incident not sent; ended \(1\): x \(after 20 min\)$/],
    [
      'both',
      [incident('x', ended), incident('y')],
      /2 incidents not sent; still open \(1\): y; ended \(1\): x/,
    ],
    ['open and unreported from before', [incident('x', { ...before, ...ended })], /ended \(1\): x/],
    [
      'reported before, and now part of an incident that is silenced',
      [incident('x', { ...before, notified, ...ended, resolution: 'covered' })],
      /ended \(1\): x/,
    ],
    [
      'many',
      Array.from({ length: 7 }, (_, n) => incident(`x${n}`)),
      /still open \(7\): x0, x1, x2, x3, x4 and 2 more$/,
    ],
  ] as const)
    test(what, () => {
      const text = textOf(some);
      if (words === null) assert.equal(text, null);
      else assert.match(text ?? '', words);
    });

  test('it names what was silenced', () => {
    const scopes: readonly Scope[] = [
      { kind: 'everything' },
      { kind: 'decky', host: 'a', name: 'web' },
      { kind: 'cause', cause: 'host_stale' },
    ];
    assert.deepEqual(scopes.map(scopeText), ['everything', 'decky a/web', 'cause host_stale']);
    assert.deepEqual(scopes.map(scopeText).map(parseScope), scopes);
    for (const scope of scopes)
      assert.ok(textOf([incident('x')], scope)?.startsWith(`The silence of ${scopeText(scope)} by ops`));
  });
});
