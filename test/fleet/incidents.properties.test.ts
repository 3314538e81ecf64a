import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeckyFacts } from '../../src/fleet/incidents/decky-facts.ts';
import type { FleetFacts, HostFacts } from '../../src/fleet/incidents/facts.ts';
import { evaluate } from '../../src/fleet/incidents/rules.ts';
import { now } from '../harness/facts.ts';
import { broken, clear, host } from '../harness/incidents.ts';
import { fc } from '../harness/property.ts';

const hosts = ['a', 'b', 'c', 'd', 'e', 'f'];
const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { freq: 3 });
const moment = fc.integer({ min: now - 600_000, max: now });

const hostFacts = (name: string): fc.Arbitrary<HostFacts> =>
  fc
    .record({
      deckies: fc.integer({ min: 0, max: 8 }),
      staleSince: some(moment),
      isLate: fc.boolean(),
      stopped: fc.option(fc.record({ by: some(fc.constant('admin')), at: moment }), { freq: 1 }),
      unreachableSince: some(moment),
      flappingSince: fc.option(moment, { freq: 1 }),
      failing: some(fc.record({ reason: fc.constantFrom('x', 'y'), since: moment })),
    })
    .map((drawn) => host(name, drawn));

const causes = fc.record({
  service: fc.constantFrom('ssh', 'http', null),
  state: fc.constantFrom('exited', 'no container', 'cut off from its network'),
  exitCode: fc.constantFrom(1, 137, null),
});
const deckyFacts: fc.Arbitrary<DeckyFacts> = fc
  .record({
    host: fc.constantFrom(...hosts),
    state: fc.constantFrom('failed', 'degraded', 'torn_down'),
    isFlapping: fc.boolean(),
    rowState: fc.constantFrom('failed', 'degraded', 'torn_down', 'pending', 'running'),
    since: moment,
    image: fc.constantFrom('debian', null),
    cause: some(
      fc
        .tuple(causes, fc.constantFrom(undefined, { outcome: 'failed', of: 'new-01' } as const))
        .map(([cause, deployment]) => (deployment === undefined ? cause : { ...cause, deployment })),
    ),
  })
  .map((drawn) => broken('', drawn));

const fleets: fc.Arbitrary<FleetFacts> = fc.record({
  now: fc.constant(now),
  control: fc
    .record({
      queuesLostAt: fc.option(moment, { freq: 1 }),
      queuesBackAt: some(moment),
      schedulerLostAt: some(moment),
      undeliveredSince: some(moment),
      paused: fc.subarray(hosts, { maxLength: 2 }).map((names) => new Map(names.map((name) => [name, now]))),
    })
    .map((drawn) => ({ ...clear, ...drawn })),
  hosts: fc.tuple(...hosts.map(hostFacts)),
  deckies: fc
    .array(deckyFacts, { maxLength: 40 })
    .map((all) => all.map((one, at) => ({ ...one, name: `decky-${at}` }))),
  open: fc.constant([]),
});

/** A fleet with the memory of the one before it. */
const after = (before: FleetFacts, next: FleetFacts): FleetFacts => {
  const found = evaluate(before);
  return {
    ...next,
    open: found.incidents,
    hosts: next.hosts.map((one) => ({ ...one, under: found.hosts.get(one.host) ?? null })),
    deckies: next.deckies.map((one) => ({
      ...one,
      under: found.deckies.get(one.host)?.get(one.name) ?? null,
    })),
  };
};
const scenes = fc
  .tuple(fleets, fc.option(fleets))
  .map(([first, next]) => (next === null ? first : after(first, next)));

describe('whatever is wrong', () => {
  test('every broken decky and host belongs to exactly one open incident, which affects something', () => {
    fc.assert(
      fc.property(scenes, (facts) => {
        const { incidents, hosts: ofHosts, deckies } = evaluate(facts);
        const ids = incidents.map(({ id }) => id);
        assert.equal(new Set(ids).size, ids.length);
        for (const one of incidents) assert.ok(one.affected.length > 0, one.id);
        for (const decky of facts.deckies) {
          const own = deckies.get(decky.host)?.get(decky.name) ?? '';
          assert.ok(ids.includes(own), `${decky.host}/${decky.name}: ${own}`);
          const named = incidents.filter(({ affected }) =>
            affected.some(({ host: on, name }) => on === decky.host && name === decky.name),
          );
          assert.ok(named.length <= 1 && (named[0]?.id ?? own) === own);
        }
        for (const one of facts.hosts) {
          const isFaulty =
            (one.staleSince ?? one.unreachableSince ?? one.flappingSince ?? one.failing) !== null ||
            facts.control.paused.has(one.host);
          assert.equal(ofHosts.has(one.host), isFaulty, one.host);
          if (isFaulty) assert.ok(ids.includes(ofHosts.get(one.host) ?? ''));
        }
      }),
    );
  });

  test('the order in which it is read changes nothing', () => {
    const shuffled = fc.tuple(scenes, fc.nat()).map(([facts, seed]) => {
      const keyOf = (at: number): number => Math.imul(at + 1, seed | 1) >>> 4;
      const mixed = <T>(all: readonly T[]): readonly T[] =>
        all
          .map((one, at) => ({ one, key: keyOf(at) }))
          .sort((a, b) => a.key - b.key)
          .map(({ one }) => one);
      const { hosts: ofHosts, deckies, open } = facts;
      return [
        facts,
        { ...facts, hosts: mixed(ofHosts), deckies: mixed(deckies), open: mixed(open) },
      ] as const;
    });
    fc.assert(
      fc.property(shuffled, ([facts, mixed]) => {
        assert.deepEqual(evaluate(mixed).incidents, evaluate(facts).incidents);
      }),
    );
  });

  test('an evaluation of the same facts opens, covers and ends nothing', () => {
    fc.assert(
      fc.property(fleets, (facts) => {
        const first = evaluate(facts);
        const again = evaluate(after(facts, facts));
        assert.deepEqual(
          again.incidents.map(({ id }) => id),
          first.incidents.map(({ id }) => id),
        );
        assert.deepEqual(again.deckies, first.deckies);
      }),
    );
  });
});
