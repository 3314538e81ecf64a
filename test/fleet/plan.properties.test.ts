import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { explain } from '../../src/fleet/explain/explain.ts';
import { type Plan, transitionsOf } from '../../src/fleet/plan/change.ts';
import { type Container, rivalsOf } from '../../src/fleet/plan/container-match.ts';
import { noExplanations } from '../../src/fleet/plan/explanations.ts';
import type { Facts, Row } from '../../src/fleet/plan/facts.ts';
import { plan } from '../../src/fleet/plan/plan.ts';
import { fleetStates } from '../../src/fleet/state.ts';
import {
  absent,
  container,
  decky,
  declared,
  facts,
  invalid,
  now,
  row,
  seen,
  unreachable,
} from '../harness/facts.ts';
import { rowsAfter } from '../harness/planned.ts';
import { fc } from '../harness/property.ts';
import { outcome } from './reference.ts';

// No name is another's with a suffix: whose container an ambiguous name is has its own tests.
const names = ['web', 'mail', 'db.1', 'x_y'];
const name = fc.constantFrom(...names);
const services = fc.uniqueArray(fc.constantFrom('ssh', 'http', 'smtp_relay', 'sniffer'), {
  minLength: 1,
  maxLength: 3,
});
const state = fc.constantFrom('running', 'exited', 'paused', 'created', 'dead');

/** A minute ago: a deployment may take longer. */
const changedAt = now - 60_000;

const someDecky = fc
  .record({
    name,
    services,
    distro: fc.constantFrom('debian', 'alpine'),
    last_mutated: fc.constantFrom(1, 2),
  })
  .map(({ name: of, services: has, ...more }) => decky(of, has, more));

const someRow: fc.Arbitrary<Row> = fc
  .record({
    of: someDecky,
    state: fc.constantFrom(...fleetStates),
    lastError: fc.constantFrom(null, 'ssh: exited, code 1'),
    ours: fc.boolean(),
    age: fc.constantFrom(-400, -200, 0, 20, 299, 300, 4000),
  })
  .map(({ of, age, ...more }) => row(of.name, { ...of, ...more, writtenAt: now - age * 1000 }));

function joined(of: string, joins: string): Pick<Container, 'network' | 'owner'> {
  if (joins === 'own') return { network: 'own', owner: null };
  if (joins === 'cut off') return { network: 'cut off', owner: of };
  return { network: 'shared', owner: joins === 'another' ? 'other' : of };
}

const someContainers: fc.Arbitrary<Container> = fc
  .record({
    of: name,
    service: fc.constantFrom('ssh', 'http', 'smtp_relay', 'telnet', null),
    labelled: fc.boolean(),
    spelled: fc.boolean(),
    state,
    unhealthy: fc.boolean(),
    exitCode: fc.constantFrom(0, 1, 137),
    joins: fc.constantFrom('own', 'its base', 'another', 'cut off'),
    isOfTopology: fc.constantFrom(false, false, false, false, true),
    createdAt: fc.constantFrom(1, changedAt / 1000 - 3, changedAt / 1000 + 20),
    ageSeconds: fc.constantFrom(null, 5, 3600),
  })
  .map(({ of, service, labelled, spelled, joins, ...more }) => {
    const suffix = service === null ? '' : `-${spelled ? service.replaceAll('_', '-') : service}`;
    const owner = labelled && service !== null ? { decky: of, service } : {};
    return container(`${of}${suffix}`, {
      ...more,
      ...owner,
      ...(service === null ? {} : joined(of, joins)),
      unhealthy: more.unhealthy && more.state === 'running',
    });
  });

const unique = <T extends { name: string }>(of: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<T[]> =>
  fc.uniqueArray(of, { selector: (one) => one.name, maxLength });

const someFacts: fc.Arbitrary<Facts> = fc
  .record({
    desired: fc.oneof(
      { weight: 5, arbitrary: unique(someDecky, 4).map((deckies) => declared(...deckies)) },
      { weight: 1, arbitrary: fc.constantFrom(absent, invalid) },
    ),
    recorded: unique(someRow, 4),
    observed: fc.oneof(
      { weight: 5, arbitrary: unique(someContainers, 10).map((all) => seen(...all)) },
      { weight: 1, arbitrary: fc.constant(unreachable) },
    ),
    only: fc.oneof(
      { weight: 4, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.uniqueArray(name, { minLength: 1 }).map((some) => new Set(some)) },
    ),
    graceSeconds: fc.constantFrom(0, 300),
    rolloutSeconds: fc.constantFrom(0, 900),
    fileChangedAt: fc.constantFrom(0, changedAt),
    explanations: fc
      .dictionary(name, fc.constantFrom('running', 'failed'), { maxKeys: 2 })
      .chain((reported) =>
        fc.constantFrom(noExplanations, { ...noExplanations, lifecycles: new Map(Object.entries(reported)) }),
      ),
  })
  .map(facts);

const runs = { numRuns: 10_000 };

describe('for any facts', () => {
  test('`explain` knows every reason', () => {
    fc.assert(
      fc.property(someFacts, (given) => {
        const { changes, held } = plan(given);
        for (const { reason } of [...changes, ...held]) assert.notDeepEqual(explain(reason), [], reason);
      }),
      runs,
    );
  });

  test('the plan does what the rules say, decky by decky', () => {
    fc.assert(
      fc.property(someFacts, (given) => {
        const decided = plan(given);
        const after = new Map(rowsAfter(given.recorded, decided, given.now).map((one) => [one.name, one]));
        for (const one of names) {
          const found = after.get(one);
          const expected = outcome(given, one);
          assert.deepEqual(
            {
              row:
                found === undefined
                  ? null
                  : {
                      state: found.state,
                      lastErrorIsNull: found.lastError === null,
                      content: { ip: found.ip, services: found.services, config: found.config },
                    },
              held: decided.held.some((held) => held.name === one),
            },
            expected,
            one,
          );
        }
      }),
      runs,
    );
  });

  test('a topology’s containers and those that are cut off never make a decky run', () => {
    fc.assert(
      fc.property(someFacts, (given) => {
        if (given.observed.kind !== 'ok') return;
        const { containers } = given.observed;
        const states = (found: readonly Container[]) =>
          rowsAfter(given.recorded, plan({ ...given, observed: seen(...found) }), now).map(
            ({ name: of, state: is }) => [of, is],
          );
        const own = containers.filter((one) => !one.isOfTopology);
        assert.deepEqual(states(containers), states(own));
        const dead = own.map((one) => (one.network === 'cut off' ? { ...one, state: 'exited' } : one));
        assert.deepEqual(states(own), states(dead));
      }),
      runs,
    );
  });

  test('a second pass has nothing to do', () => {
    fc.assert(
      fc.property(someFacts, (given) => {
        const first = plan(given);
        const again = plan({
          ...given,
          recorded: rowsAfter(given.recorded, first, given.now),
          memory: first.memory,
        });
        // Once seen running a row's state is ours; that first shows here, and is settled with it.
        const third = plan({
          ...given,
          recorded: rowsAfter(rowsAfter(given.recorded, first, given.now), again, given.now),
          memory: again.memory,
        });
        assert.deepEqual(again.changes, []);
        assert.deepEqual(third.changes, []);
      }),
      runs,
    );
  });

  test('a row has at most one change, and each has a reason', () => {
    fc.assert(
      fc.property(someFacts, (given) => {
        const { changes, held } = plan(given);
        assert.equal(new Set(changes.map((change) => change.name)).size, changes.length);
        for (const { reason } of [...changes, ...held, ...changes.flatMap(transitionsOf)])
          assert.match(reason, /\S{2}/);
      }),
      runs,
    );
  });

  test('Docker unreachable never changes a state', () => {
    fc.assert(
      fc.property(someFacts, (given) => {
        for (const { action, to } of plan({ ...given, observed: unreachable }).changes) {
          assert.ok(action === 'delete' || action === 'config' || to === 'pending', action);
        }
      }),
      runs,
    );
  });

  test('an invalid file never inserts, deletes or changes content', () => {
    fc.assert(
      fc.property(someFacts, (given) => {
        for (const { action, content } of plan({ ...given, desired: invalid }).changes) {
          assert.ok(action === 'state' || action === 'reason');
          assert.equal(content, null);
        }
      }),
      runs,
    );
  });

  test('a reason for an error never tells an age', () => {
    fc.assert(
      fc.property(someFacts, fc.integer({ min: 1, max: 1e6 }), (given, later) => {
        const errors = (of: Facts) => plan(of).changes.map(({ name: of, lastError }) => [of, lastError]);
        const withoutGrace = { ...given, graceSeconds: 0, rolloutSeconds: 0 };
        assert.deepEqual(errors(withoutGrace), errors({ ...withoutGrace, now: given.now + later }));
      }),
      runs,
    );
  });

  test('for a decky is the same whether it is looked at alone or with all, whatever the names', () => {
    const like = fc.constantFrom('web', 'web-ssh', 'web-ssh-http', 'web-http', 'db');
    const kind = fc.uniqueArray(fc.constantFrom('ssh', 'http', 'ssh-http', 'http_x'), {
      minLength: 1,
      maxLength: 3,
    });
    const some = fc.record({ name: like, services: kind }).map((one) => decky(one.name, one.services));
    const rows = fc
      .record({
        of: some,
        state: fc.constantFrom(...fleetStates),
        ours: fc.boolean(),
        age: fc.constantFrom(0, 4000),
      })
      .map(({ of, age, ...more }) => row(of.name, { ...of, ...more, writtenAt: now - age * 1000 }));
    const containers = fc
      .record({
        name: fc.constantFrom(
          'web',
          'web-ssh',
          'web-ssh-http',
          'web-http',
          'web-http-x',
          'web-ssh-http-http',
          'db-ssh',
        ),
        owner: fc.option(fc.record({ decky: like, service: fc.constantFrom('ssh', 'http', 'ssh-http') }), {
          nil: null,
        }),
        state,
      })
      .map(({ name: called, owner, state: is }) =>
        container(called, { ...(owner ?? {}), state: is, exitCode: 1 }),
      );
    const all = fc.record({
      desired: fc.oneof(
        unique(some, 4).map((deckies) => declared(...deckies)),
        fc.constantFrom(absent, invalid),
      ),
      recorded: unique(rows, 4),
      observed: unique(containers, 7).map((found) => seen(...found)),
    });
    fc.assert(
      fc.property(all, like, (records, one) => {
        const full = facts(records);
        const only = new Set([one]);
        // What the engine and the table are asked for one name.
        const listed = (full.observed.kind === 'ok' ? full.observed.containers : []).filter(
          (it) => it.decky === one || it.name === one || it.name.startsWith(`${one}-`),
        );
        const read = new Set([one, ...rivalsOf(only, listed)]);
        const alone = facts({
          ...records,
          only,
          recorded: full.recorded.filter((row_) => read.has(row_.name)),
          observed: seen(...listed),
        });
        const of = ({ changes, held }: Plan) => [
          changes.filter((change) => change.name === one),
          held.filter((kept) => kept.name === one),
        ];
        assert.deepEqual(of(plan(alone)), of(plan(full)));
      }),
      { numRuns: 3000 },
    );
  });
});
