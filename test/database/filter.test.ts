import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { pages } from '../../src/database/queries/pages.ts';
import { report } from '../../src/database/queries/report.ts';
import type { Query } from '../../src/database/query.ts';
import { isMatch } from '../../src/fleet/filter/match-filter.ts';
import { parseFilter } from '../../src/fleet/filter/parse-filter.ts';
import { textsOf } from '../../src/lib/json.ts';
import { type TestDatabase, testDatabase } from '../harness/database.ts';
import { fc } from '../harness/property.ts';

/** Values with signs that are special in patterns of SQL. */
const values = [
  'nyc-01',
  'nyc-02',
  'a_b',
  'a%b',
  'a\\b',
  '10.0.4.13',
  '10.0.4',
  'ssh',
  'Http',
  '137',
  '',
] as const;
const states = ['running', 'failed', 'degraded', 'torn_down'] as const;
const patterns = [...values, 'nyc-*', '*0*', '*', 'a*b', '"exited, code"', 'code 137', 'SSH'] as const;
const keys = ['host', 'decky', 'ip', 'service', 'reason'] as const;

const pick = <T>(...from: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...from);
const row = fc.record({
  name: pick(...values),
  host: pick('nyc-01', 'nyc-02', 'ams-1'),
  services: pick<unknown>([], ['ssh'], ['ssh', 'Http'], ['a_b', 7, { x: 'ssh' }]),
  ip: pick(null, '10.0.4.13', '10.0.41.3', 'a%b'),
  state: pick(...states),
  reason: pick(null, 'ssh: exited, code 137', 'a_b: no container', '100 % \\ of it'),
  // Some have no history, some changed their content only, and some changed long ago.
  changes: fc.array(
    fc.record({ hours: pick(400, 30, 2, 1), from: pick(null, ...states), to: pick(null, ...states) }),
    { maxLength: 2 },
  ),
});

const quoted = (text: string): string => (/[\s,]/.test(text) && !text.startsWith('"') ? `"${text}"` : text);
const some = fc
  .array(pick(...patterns), { minLength: 1, maxLength: 2 })
  .map((all) => all.map(quoted).join(','));
const term = fc
  .tuple(
    pick('', '', '-'),
    fc.oneof(
      fc.tuple(pick('broken', ...states), pick(...states)).map((two) => `state:${two.join(',')}`),
      pick('since:90m', 'since:1d', 'since:3d', 'since:4w'),
      fc.tuple(pick(...keys), some).map(([key, text]) => `${key}:${text}`),
      some,
    ),
  )
  .map((parts) => parts.join(''));
const filters = fc.sample(
  fc.array(term, { minLength: 1, maxLength: 3 }).map((terms) => terms.join(' ')),
  300,
);

describe('a filter chooses the same in the database and in memory', () => {
  let db: TestDatabase;
  const query: Query = (statement, values = []) => db.query(statement, values) as Promise<never>;
  before(async () => {
    db = await testDatabase({ migrated: true });
    for (const [at, one] of fc.sample(row, 120).entries()) {
      const name = `${one.name}-${at}`;
      await db.query(
        `insert into fleet_deckies (host_uuid, name, services, decky_ip, state, last_error) values ($1, $2, $3, $4, $5, $6)`,
        [one.host, name, JSON.stringify(one.services), one.ip, one.state, one.reason],
      );
      for (const { from, to, hours } of [...one.changes].sort((a, b) => b.hours - a.hours))
        await db.query(
          `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at)
           values ($1, $2, $3, $4, $5, now() - make_interval(hours => $6))`,
          [one.host, name, from, to, one.reason ?? 'new', hours],
        );
    }
  });
  after(() => db?.drop());

  test('of deckies', async () => {
    const { list, matched } = pages(query, 30);
    const page = { host: null, limit: 1000, offset: 0 };
    const { deckies: all } = await list([], page);
    assert.equal(all.length, 120);
    let chosen = 0;
    for (const text of filters) {
      const { filter } = parseFilter(text);
      const found = await list(filter, page);
      const expected = all.filter(({ host_uuid, name, since, last_error, services, ...decky }) =>
        isMatch(
          filter,
          {
            ...decky,
            host: host_uuid,
            decky: name,
            services: textsOf(services),
            reason: last_error,
            changedAt: since === null ? null : Date.parse(since),
          },
          Date.now(),
        ),
      );
      assert.deepEqual(namesOf(found.deckies), namesOf(expected), text);
      assert.equal(found.total, expected.length, text);
      const counts = await matched(filter);
      assert.equal(
        [...counts.values()].reduce((sum, n) => sum + n, 0),
        expected.length,
        text,
      );
      chosen += expected.length;
    }
    assert.ok(chosen > 500, `the filters chose only ${chosen} deckies`);
  });

  test('of changes', async () => {
    const { history } = report(query, 30);
    const asked = { host: null, decky: null, since: null, limit: 1000 };
    const { transitions: all } = await history(asked);
    const { deckies } = await pages(query, 30).list([], { host: null, limit: 1000, offset: 0 });
    const recorded = new Map(deckies.map((decky) => [`${decky.host_uuid} ${decky.name}`, decky]));
    let chosen = 0;
    for (const text of filters) {
      const { filter } = parseFilter(text);
      const { transitions } = await history({ ...asked, filter });
      const expected = all.filter(({ host_uuid: host, name: decky, from_state, to_state, reason, at }) => {
        const row = recorded.get(`${host} ${decky}`);
        return isMatch(
          filter,
          {
            host,
            decky,
            ip: row?.ip ?? null,
            services: textsOf(row?.services ?? null),
            reason,
            state: from_state === to_state ? null : to_state,
            changedAt: Date.parse(at),
          },
          Date.now(),
        );
      });
      assert.deepEqual(
        transitions.map(({ id }) => id),
        expected.map(({ id }) => id),
        text,
      );
      chosen += expected.length;
    }
    assert.ok(chosen > 300, `the filters chose only ${chosen} changes`);
  });
});

const namesOf = (rows: readonly { host_uuid: string; name: string }[]): readonly string[] =>
  rows.map(({ host_uuid, name }) => `${host_uuid} ${name}`).sort();
