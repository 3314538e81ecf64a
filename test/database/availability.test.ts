import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fleetAvailability } from '../../src/database/queries/availability.ts';
import type { Query } from '../../src/database/query.ts';
import { availabilityOf, stretchesOf } from '../../src/fleet/availability.ts';
import type { FleetState } from '../../src/fleet/state.ts';
import { type TestDatabase, testDatabase } from '../harness/database.ts';
import { fc } from '../harness/property.ts';

const hourMs = 3_600_000;
const now = Math.floor(Date.now() / 1000) * 1000;
const window = { from: now - 24 * hourMs, to: now, parts: 8 };
const states = ['running', 'running', 'failed', 'degraded', 'torn_down', null] as const;

interface Change {
  readonly at: number;
  readonly to: FleetState | null;
}
interface Host {
  readonly deckies: readonly (readonly Change[])[];
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
  /** How long ago its last full pass was, in seconds. */
  readonly passAge: number;
}

/** Before, in and at the bounds of the window; often several at the same moment. */
const at = fc.integer({ min: 0, max: 120 }).map((quarters) => now - quarters * 900_000);
const changes = fc
  .array(fc.record({ at, to: fc.constantFrom(...states) }), { maxLength: 8 })
  .map((all) => [...all].sort((a, b) => a.at - b.at));
const gap = fc.tuple(at, fc.integer({ min: 1, max: 20 })).map(([from, quarters]) => ({
  from,
  to: Math.min(now, from + quarters * 900_000),
}));
const hosts: readonly Host[] = fc.sample(
  fc.record({
    deckies: fc.array(changes, { maxLength: 6 }),
    gaps: fc.uniqueArray(gap, { maxLength: 3, selector: ({ from }) => from }),
    passAge: fc.constantFrom(1, 1, 7 * 3600, 100 * 3600),
  }),
  12,
);

describe('the availability of the fleet', () => {
  let db: TestDatabase;
  const query: Query = (statement, values = []) => db.query(statement, values) as Promise<never>;
  before(async () => {
    db = await testDatabase({ migrated: true });
    for (const [number, { deckies, gaps, passAge }] of hosts.entries()) {
      const host = `host-${number}`;
      await db.query(
        `insert into fleet_hosts (host_uuid, interval_s, last_pass_at, last_full_pass_at) values ($1, 30, $2, $2)`,
        [host, new Date(now - passAge * 1000)],
      );
      for (const { from, to } of gaps)
        if (to > from)
          await db.query('insert into fleet_gaps (host_uuid, from_at, to_at) values ($1, $2, $3)', [
            host,
            new Date(from),
            new Date(to),
          ]);
      for (const [index, all] of deckies.entries()) {
        let last: FleetState | null = null;
        for (const { at: when, to } of all) {
          await db.query(
            `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at) values ($1, $2, $3, $4, 'test', $5)`,
            [host, `decky-${index}`, last, to, new Date(when)],
          );
          last = to;
        }
        if (last !== null)
          await db.query(
            `insert into fleet_deckies (host_uuid, name, services, state) values ($1, $2, '[]', $3)`,
            [host, `decky-${index}`, last],
          );
      }
    }
  });
  after(() => db?.drop());

  /** By the rules for one decky. */
  const expected = ({ deckies, gaps, passAge }: Host, span: { from: number; to: number }) => {
    const unseen = [
      ...gaps.filter(({ from, to }) => to > from),
      ...(passAge > 90 ? [{ from: now - passAge * 1000, to: now }] : []),
    ];
    let [running, known] = [0, 0];
    for (const all of deckies) {
      // What does not change the state is no change of it.
      const real = all.filter(({ to }, index) => to !== (all[index - 1]?.to ?? null));
      const sums = availabilityOf(stretchesOf(real, unseen, span));
      running += sums.runningMs;
      known += sums.knownMs;
    }
    return { running, known };
  };

  test('is the sum of what each decky’s page shows, in each part of the window', async () => {
    const { parts, readFrom } = await fleetAvailability(query, 30, window);
    assert.equal(readFrom, window.from);
    const length = (window.to - window.from) / window.parts;
    let seen = 0;
    for (const [number, host] of hosts.entries())
      for (let part = 0; part < window.parts; part += 1) {
        const span = { from: window.from + part * length, to: window.from + (part + 1) * length };
        const found = parts.find((one) => one.host_uuid === `host-${number}` && one.part === part);
        const { running, known } = expected(host, span);
        assert.equal(Math.round(found?.runningMs ?? 0), running, `host-${number}, part ${part}`);
        assert.equal(Math.round(found?.knownMs ?? 0), known, `host-${number}, part ${part}`);
        seen += known;
      }
    assert.ok(seen > 0);
  });

  test('of a fleet without history is nothing', async () => {
    const { parts } = await fleetAvailability(query, 30, { ...window, from: 0, to: 1000 });
    assert.ok(parts.every(({ knownMs }) => knownMs === 0));
  });
});
