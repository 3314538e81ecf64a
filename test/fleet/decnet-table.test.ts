import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configForDecnet, type OurRow, RowComparer } from '../../src/fleet/decnet-table/content.ts';
import { type DecnetFacts, DecnetPlanner } from '../../src/fleet/decnet-table/decide.ts';
import { type DecnetFact, factAfter } from '../../src/fleet/decnet-table/fact.ts';
import { decnetMemoryAfter, goneNow, noDecnetMemory, rivalIn } from '../../src/fleet/decnet-table/memory.ts';
import type { DecnetRow } from '../../src/fleet/decnet-table/row.ts';
import { exactTime, sameTime, timeIn, timeText } from '../../src/fleet/decnet-table/times.ts';
import { aheadAfter, decnetWrites } from '../../src/fleet/decnet-table/writes.ts';
import type { LeftEntry } from '../../src/fleet/plan/memory.ts';
import { plan } from '../../src/fleet/plan/plan.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { parseJson } from '../../src/lib/json-text.ts';
import { theirRow } from '../harness/decnet-rows.ts';
import {
  absent,
  decky,
  declared,
  facts,
  invalid,
  now,
  row,
  seen,
  serviceOf,
  unreachable,
} from '../harness/facts.ts';
import { fc } from '../harness/property.ts';

const graceSeconds = 300;
const hourAgo = now - 3_600_000;
const left = (secondsAgo: number, more: Partial<LeftEntry> = {}): LeftEntry => ({
  since: now - secondsAgo * 1000,
  writtenAt: now - secondsAgo * 1000,
  ran: false,
  ...more,
});

interface Given extends Partial<Omit<DecnetFacts, 'theirs' | 'left' | 'gone' | 'keptStrangers'>> {
  readonly ours?: readonly OurRow[];
  readonly theirs?: readonly DecnetRow[];
  readonly left?: Record<string, LeftEntry>;
  readonly gone?: Record<string, number>;
  readonly kept?: readonly string[];
}

function decided({ ours = [], theirs = [], left: notes = {}, gone = {}, kept = [], ...more }: Given) {
  const planner = new DecnetPlanner({
    now,
    graceSeconds,
    theirs: new Map(theirs.map((one) => [one.name, one])),
    left: new Map(Object.entries(notes)),
    gone: new Map(Object.entries(gone)),
    keptStrangers: new Set(kept),
    comparer: new RowComparer(),
    ...more,
  });
  const names = new Set(ours.map(({ name }) => name));
  for (const one of ours) planner.decideOurs(one);
  for (const one of theirs) if (!names.has(one.name)) planner.decideStranger(one);
  return planner.finish();
}

describe('times of DECNET’s table', () => {
  test('are written with six digits, and read with or without a fraction', () => {
    const us = Date.parse('2026-11-27T04:56:32Z') * 1000 + 692_727;
    assert.equal(timeText(us), '2026-11-27 04:56:32.692727');
    assert.deepEqual(timeIn('2026-11-27 04:56:32.692727'), { us, hasFraction: true });
    assert.deepEqual(timeIn('2026-11-27 04:56:32'), { us: us - 692_727, hasFraction: false });
    assert.equal(timeIn('yesterday'), null);
  });

  test('are the same in the table’s own precision', () => {
    const us = Date.parse('2026-11-27T04:56:32Z') * 1000 + 692_727;
    const cases: readonly [string | null, number | null, boolean][] = [
      ['2026-11-27 04:56:32.692727', us, true],
      ['2026-11-27 04:56:32.692728', us, false],
      ['2026-11-27 04:56:32', us, true],
      ['2026-11-27 04:56:33', us, false],
      [null, null, true],
      [null, us, false],
      ['2026-11-27 04:56:32', null, false],
    ];
    for (const [text, wanted, expected] of cases) assert.equal(sameTime(text, wanted), expected, `${text}`);
  });

  test('PostgreSQL’s JSON keeps all digits', () => {
    const us = Date.parse('2026-11-27T04:56:32Z') * 1000 + 692_720;
    for (const text of ['2026-11-27T04:56:32.69272+00:00', '2026-11-27T05:56:32.69272+01:00'])
      assert.equal(exactTime(text), us, text);
    assert.equal(exactTime('2026-11-27T04:56:32Z'), us - 692_720);
  });

  test('a time goes through text and back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000_000 }), (us) => {
        assert.deepEqual(timeIn(timeText(us)), { us, hasFraction: true });
      }),
    );
  });
});

describe('what DECNET’s table takes over', () => {
  const ours = row('web-01');
  const equal = theirRow(ours);
  const cases: readonly [string, Given, readonly string[]][] = [
    ['nothing where both agree', { ours: [ours], theirs: [equal] }, []],
    ['a row that it lacks', { ours: [ours] }, ['+ web-01 running']],
    ['the end of a row', { theirs: [equal] }, ['- web-01']],
    [
      'a state',
      { ours: [{ ...ours, state: 'failed', lastError: 'ssh: exited, code 1' }], theirs: [equal] },
      ['~ web-01 failed'],
    ],
    ['a reason alone', { ours: [{ ...ours, lastError: 'x' }], theirs: [equal] }, ['~ web-01 running']],
    [
      'a last_seen alone',
      { ours: [{ ...ours, lastSeenUs: now * 1000 }], theirs: [equal] },
      ['~ web-01 running'],
    ],
    ['an address', { ours: [{ ...ours, ip: '192.0.2.99' }], theirs: [equal] }, ['~ web-01 running']],
    ['services', { ours: [{ ...ours, services: ['ftp'] }], theirs: [equal] }, ['~ web-01 running']],
    [
      'a configuration that it lacks',
      { ours: [ours], theirs: [{ ...equal, deckyConfig: null }] },
      ['~ web-01 running'],
    ],
    ['no time of a write', { ours: [ours], theirs: [{ ...equal, updatedAt: timeText(now * 1000) }] }, []],
    [
      'no time within the configuration',
      { ours: [ours], theirs: [theirRow({ ...ours, config: { ...ours.config, last_mutated: 7 } })] },
      [],
    ],
    [
      'nothing of a row that is left to it',
      {
        ours: [{ ...ours, state: 'failed', services: ['ftp'] }],
        theirs: [equal],
        left: { 'web-01': left(10) },
      },
      [],
    ],
    [
      'running into a row that is left to it',
      { ours: [ours], theirs: [{ ...equal, state: 'pending' }], left: { 'web-01': left(10) } },
      ['~ web-01 running'],
    ],
    [
      'no running into one that it tears down',
      { ours: [ours], theirs: [{ ...equal, state: 'tearing_down' }], left: { 'web-01': left(10) } },
      [],
    ],
    [
      'any state once it ran',
      { ours: [{ ...ours, state: 'failed' }], theirs: [equal], left: { 'web-01': left(10, { ran: true }) } },
      ['~ web-01 failed'],
    ],
    [
      'everything after the grace',
      { ours: [{ ...ours, state: 'failed' }], theirs: [equal], left: { 'web-01': left(301) } },
      ['~ web-01 failed'],
    ],
    [
      'everything when it stamps a row longer than the grace',
      {
        ours: [{ ...ours, state: 'failed' }],
        theirs: [equal],
        left: { 'web-01': left(301, { writtenAt: now - 1000 }) },
      },
      ['~ web-01 failed'],
    ],
    ['no row that it deleted', { ours: [ours], gone: { 'web-01': now - 10_000 } }, []],
    [
      'a row that it deleted longer ago',
      { ours: [ours], gone: { 'web-01': now - 300_000 } },
      ['+ web-01 running'],
    ],
    ['no end of a row that it just wrote', { theirs: [equal], left: { 'web-01': left(10) } }, []],
    ['no end of a row that rule 3 keeps', { theirs: [equal], kept: ['web-01'] }, []],
  ];
  for (const [title, given, expected] of cases)
    test(title, () => {
      const { inserts, updates, deletes } = decided(given).changes;
      const found = [
        ...inserts.map((one) => `+ ${one.name} ${one.state}`),
        ...updates.map(({ row: one }) => `~ ${one.name} ${one.state}`),
        ...deletes.map((one) => `- ${one.name}`),
      ];
      assert.deepEqual(found, expected);
    });

  test('a state that changes within the grace leaves the content', () => {
    const found = decided({
      ours: [{ ...ours, services: ['ftp'] }],
      theirs: [{ ...equal, state: 'pending' }],
      left: { 'web-01': left(10) },
    });
    assert.deepEqual(found.changes.updates, [
      { was: { ...equal, state: 'pending' }, row: { ...equal, updatedAt: timeText(ours.updatedUs) } },
    ]);
    assert.deepEqual([...found.requeueAfterMs], [['web-01', 290_000]]);
  });

  test('columns are as DECNET writes them', () => {
    const config = parseJson(
      '{"name":"web-01","ip":"192.0.2.7","services":["http","ssh"],"last_login_attempt":0.0}',
    ) as JsonObject;
    const [made] = decided({ ours: [{ ...ours, services: ['http', 'ssh'], config, lastSeenUs: null }] })
      .changes.inserts;
    assert.deepEqual(made, {
      name: 'web-01',
      services: '["http","ssh"]',
      deckyConfig: '{"name":"web-01","ip":"192.0.2.7","services":["http","ssh"],"last_login_attempt":0.0}',
      deckyIp: '192.0.2.7',
      state: 'running',
      lastError: null,
      lastSeen: null,
      updatedAt: timeText(hourAgo * 1000),
    });
  });

  test('a field that DECNET does not know is left out, unless DECNET wrote it', () => {
    const config = { name: 'web-01', ip: '192.0.2.7', note: 'mine' };
    assert.deepEqual(configForDecnet(config, null), { name: 'web-01', ip: '192.0.2.7' });
    assert.deepEqual(configForDecnet(config, { note: 'old' }), config);
  });

  test('a row whose content is unknown keeps DECNET’s configuration', () => {
    const unknown = { ...ours, config: null };
    assert.deepEqual(decided({ ours: [unknown], theirs: [equal] }).changes.updates, []);
    const [update] = decided({ ours: [{ ...unknown, state: 'failed' }], theirs: [equal] }).changes.updates;
    assert.equal(update?.row.deckyConfig, equal.deckyConfig);
  });
});

describe('what DECNET wrote', () => {
  const writesOf = (
    theirs: readonly DecnetRow[],
    more: Partial<Parameters<typeof decnetWrites>[0]> = {},
  ): readonly string[] => {
    const { recent, strangers } = decnetWrites({
      decnetNow: now,
      aheadMs: 0,
      graceSeconds,
      theirs: new Map(theirs.map((one) => [one.name, one])),
      recorded: [row('web-01', { updatedUs: now * 1000 - 5 })],
      isDeclared: () => false,
      recentTransitions: [],
      written: new Map(),
      comparer: new RowComparer(),
      ...more,
    });
    return [...recent.keys(), ...strangers.map(({ name }) => `stranger ${name}`)];
  };
  const stamped = (updatedAt: string, more: Partial<DecnetRow> = {}): DecnetRow => ({
    ...theirRow(row('web-01')),
    updatedAt,
    ...more,
  });
  const recentText = timeText(now * 1000 - 10_000_000);

  test('a recent row with a time of its own', () =>
    assert.deepEqual(writesOf([stamped(recentText)]), ['web-01']));
  test('not a row with the time of ours', () =>
    assert.deepEqual(writesOf([stamped(timeText(now * 1000 - 5))]), []));
  test('not an old row, nor one far ahead', () => {
    assert.deepEqual(writesOf([stamped(timeText((now - 300_000) * 1000))]), []);
    assert.deepEqual(writesOf([stamped(timeText((now + 300_000) * 1000))]), []);
    assert.deepEqual(writesOf([stamped(timeText((now + 200_000) * 1000))]), ['web-01']);
  });
  test('not a row that this process wrote', () =>
    assert.deepEqual(
      writesOf([stamped(recentText)], { written: new Map([['web-01', stamped(recentText)]]) }),
      [],
    ));
  test('not a row that we wrote before the last change of ours', () =>
    assert.deepEqual(
      writesOf([stamped(recentText)], {
        recentTransitions: [{ name: 'web-01', from: null, to: 'running', at: now - 10_000 }],
      }),
      [],
    ));
  test('in whole seconds, a row of the same second with another state', () => {
    const second = timeText(now * 1000 - 5).slice(0, 19);
    assert.deepEqual(writesOf([stamped(second)]), []);
    assert.deepEqual(writesOf([stamped(second, { state: 'pending' })]), ['web-01']);
  });
  test('a row that neither ours nor the file has is a stranger', () =>
    assert.deepEqual(writesOf([{ ...stamped(recentText), name: 'new-01' }]), ['new-01', 'stranger new-01']));

  test('clocks that differ by seconds are distinguished from reading times', () => {
    assert.equal(aheadAfter(0, 400), 0);
    assert.equal(aheadAfter(0, 5000), 5000);
    assert.equal(aheadAfter(5000, 5300), 5000);
    assert.equal(aheadAfter(5000, 100), 0);
  });
});

describe('in our own rules', () => {
  const written = (name: string, secondsAgo: number, services: readonly string[] = ['ssh']) =>
    new Map([[name, { writtenAt: now - secondsAgo * 1000, content: () => row(name, { services }) }]]);
  const decnet = { recent: written('web-01', 10), strangers: [] };

  test('a row that DECNET wrote in its table counts as written by another program', () => {
    const made = plan(facts({ recorded: [row('web-01')], desired: declared(decky('other')), decnet }));
    assert.deepEqual(
      made.changes.map(({ action, name }) => `${action} ${name}`),
      ['insert other'],
    );
    assert.deepEqual(made.memory.left.get('web-01'), left(0, { writtenAt: now - 10_000 }));
    const failed = plan(facts({ recorded: [row('web-01')], desired: declared(decky('web-01')), decnet }));
    assert.deepEqual(failed.changes, []);
    assert.equal(failed.held.length, 1);
  });

  test('content that DECNET wrote as the file has it is taken at once', () => {
    const desired = declared(decky('web-01', ['ftp']));
    const given = { recorded: [row('web-01')], desired, observed: unreachable };
    const changed = row('web-01', decky('web-01', ['ftp']));
    const same = { ...decnet, recent: new Map([['web-01', { writtenAt: now - 1, content: () => changed }]]) };
    assert.deepEqual(plan(facts({ ...given, decnet })).changes, []);
    assert.equal(plan(facts({ ...given, decnet: same })).changes[0]?.action, 'config');
  });

  test('rule 3 keeps rows that only DECNET’s table has', () => {
    const strangers = [row('web-01')];
    const observed = seen(serviceOf('web-01', 'ssh'));
    const keptBy = (more: Parameters<typeof facts>[0]): readonly string[] => [
      ...plan(facts({ decnet: { recent: new Map(), strangers }, ...more })).keptStrangers,
    ];
    assert.deepEqual(keptBy({ desired: declared(decky('other')), observed }), []);
    assert.deepEqual(keptBy({ desired: invalid, observed }), ['web-01']);
    assert.deepEqual(keptBy({ desired: absent, observed: unreachable }), ['web-01']);
    assert.deepEqual(keptBy({ desired: absent }), []);
    assert.deepEqual(
      keptBy({ desired: declared(decky('other')), decnet: { recent: written('web-01', 10), strangers } }),
      ['web-01'],
    );
  });
});

describe('what is remembered', () => {
  const theirs = new Map([['a', theirRow(row('a'))]]);
  const nothing = {
    changes: { inserts: [], updates: [], deletes: [] },
    missing: [],
    requeueAfterMs: new Map(),
  };
  const outcome = {
    now,
    graceSeconds,
    only: null,
    theirs,
    gone: new Map(),
    plan: nothing,
    names: new Set<string>(),
  };

  test('a row that was there and is gone was deleted by DECNET, and since when', () => {
    const before = decnetMemoryAfter(noDecnetMemory, {
      ...outcome,
      theirs: new Map([...theirs, ['b', theirRow(row('b'))]]),
    });
    const gone = goneNow(before, theirs, null, now);
    assert.deepEqual([...gone], [['b', now]]);
    const after = decnetMemoryAfter(before, { ...outcome, gone, plan: { ...nothing, missing: ['b'] } });
    assert.deepEqual([...goneNow(after, theirs, null, now + 5000)], [['b', now]]);
    assert.deepEqual([...goneNow(after, theirs, new Set(['a']), now + 5000)], []);
  });

  test('a row that we deleted is not missed', () => {
    const deletes = [theirRow(row('a'))];
    const after = decnetMemoryAfter(noDecnetMemory, {
      ...outcome,
      plan: { ...nothing, changes: { ...nothing.changes, deletes } },
      names: new Set(['a']),
    });
    assert.deepEqual([...goneNow(after, new Map(), null, now)], []);
  });

  test('a state that is changed back three times has a rival', () => {
    let memory = noDecnetMemory;
    const was = theirRow(row('a'));
    const changes = { inserts: [], deletes: [], updates: [{ was, row: { ...was, state: 'failed' } }] };
    for (let round = 0; round < 4; round++) {
      assert.equal(rivalIn(memory, now), null);
      memory = decnetMemoryAfter(memory, {
        ...outcome,
        now: now + round,
        plan: { ...nothing, changes },
        names: new Set(['a']),
      });
    }
    assert.equal(
      rivalIn(memory, now + 4),
      'a: another writer set it to running again, 3 times or more within 10 min',
    );
    assert.equal(rivalIn(memory, now + 700_000), null);
  });

  test('an outage has a beginning, and ends with a full pass', () => {
    const found = { now, reason: null, agrees: true, isFull: true, rival: null };
    const synced = factAfter(null, found);
    assert.deepEqual(synced, { syncedAt: now, failingSince: null, reason: null, rival: null });
    const failing: DecnetFact = factAfter(synced, {
      ...found,
      now: now + 1,
      reason: 'locked',
      agrees: false,
    });
    assert.deepEqual(failing, { syncedAt: now, failingSince: now + 1, reason: 'locked', rival: null });
    assert.equal(factAfter(failing, { ...found, now: now + 2, reason: 'locked' }).failingSince, now + 1);
    assert.deepEqual(factAfter(failing, { ...found, isFull: false }), failing);
    assert.deepEqual(factAfter(failing, { ...found, now: now + 9 }), { ...synced, syncedAt: now + 9 });
  });
});

const names = ['a', 'b', 'c', 'd'];
const states = ['pending', 'running', 'failed', 'degraded', 'torn_down'] as const;
const anyRow = fc
  .record({
    name: fc.constantFrom(...names),
    state: fc.constantFrom(...states),
    lastError: fc.option(fc.constantFrom('x', 'y')),
    services: fc.constantFrom(['ssh'], ['http', 'ssh']),
    ip: fc.constantFrom('192.0.2.1', '192.0.2.2'),
    lastSeenUs: fc.option(fc.integer({ min: 1, max: now * 1000 })),
  })
  .map(({ name, ...more }) =>
    row(name, { ...more, config: { ...decky(name, more.services).config, ip: more.ip } }),
  );
const anyRows = fc.uniqueArray(anyRow, { selector: ({ name }) => name });

test('without a writer within the grace, the tables agree after one write, and nothing is left to do', () => {
  fc.assert(
    fc.property(anyRows, anyRows, fc.boolean(), (ours, before, isWhole) => {
      const asTable = (text: string | null): string | null => (isWhole ? (text?.slice(0, 19) ?? null) : text);
      const stored = (one: DecnetRow): DecnetRow => ({
        ...one,
        lastSeen: asTable(one.lastSeen),
        updatedAt: asTable(one.updatedAt) ?? '',
      });
      const theirs = new Map(before.map((one) => [one.name, stored(theirRow(one))]));
      const { inserts, updates, deletes } = decided({ ours, theirs: [...theirs.values()] }).changes;
      for (const one of inserts) theirs.set(one.name, stored(one));
      for (const { was, row: one } of updates) {
        assert.equal(theirs.get(one.name), was);
        theirs.set(one.name, stored(one));
      }
      for (const one of deletes) theirs.delete(one.name);
      assert.deepEqual([...theirs.keys()].sort(), ours.map(({ name }) => name).sort());
      for (const one of ours) {
        const { updatedAt: _, ...columns } = theirs.get(one.name) ?? theirRow(row('none'));
        const { updatedAt: __, ...wanted } = stored(theirRow(one));
        assert.deepEqual(columns, wanted);
      }
      const again = decided({ ours, theirs: [...theirs.values()] }).changes;
      assert.deepEqual(again, { inserts: [], updates: [], deletes: [] });
    }),
  );
});
