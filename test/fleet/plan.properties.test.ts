import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Plan, transitionsOf } from '../../src/fleet/plan/change.ts';
import type { Container } from '../../src/fleet/plan/container-match.ts';
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

const someContainers: fc.Arbitrary<Container> = fc
  .record({
    of: name,
    service: fc.constantFrom('ssh', 'http', 'smtp_relay', 'telnet', null),
    labelled: fc.boolean(),
    spelled: fc.boolean(),
    state,
    unhealthy: fc.boolean(),
    exitCode: fc.constantFrom(0, 1, 137),
  })
  .map(({ of, service, labelled, spelled, ...more }) => {
    const suffix = service === null ? '' : `-${spelled ? service.replaceAll('_', '-') : service}`;
    const owner = labelled && service !== null ? { decky: of, service } : {};
    return container(`${of}${suffix}`, {
      ...more,
      ...owner,
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
    grace: fc.constantFrom(0, 300),
  })
  .map(facts);

/** The rows after a plan was applied, as the ledger writes them. */
function apply(recorded: readonly Row[], { changes }: Plan, at: number): readonly Row[] {
  const rows = new Map(recorded.map((one) => [one.name, one]));
  for (const change of changes) {
    if (change.to === null) rows.delete(change.name);
    else {
      const before = rows.get(change.name) ?? row(change.name);
      rows.set(change.name, {
        ...before,
        ...(change.content ?? {}),
        name: change.name,
        state: change.to,
        lastError: change.lastError,
        ours: true,
        writtenAt: at,
      });
    }
  }
  return [...rows.values()];
}

const runs = { numRuns: 10_000 };

describe('for any facts', () => {
  test('the plan does what the rules say, decky by decky', () => {
    fc.assert(
      fc.property(someFacts, (given) => {
        const decided = plan(given);
        const after = new Map(apply(given.recorded, decided, given.now).map((one) => [one.name, one]));
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

  test('a second pass has nothing to do', () => {
    fc.assert(
      fc.property(someFacts, (given) => {
        const first = plan(given);
        const again = plan({
          ...given,
          recorded: apply(given.recorded, first, given.now),
          memory: first.memory,
        });
        // Once seen running a row's state is ours; that first shows here, and is settled with it.
        const third = plan({
          ...given,
          recorded: apply(apply(given.recorded, first, given.now), again, given.now),
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
        const withoutGrace = { ...given, graceSeconds: 0 };
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
        const alone = facts({
          ...records,
          only: new Set([one]),
          // What the table and the engine are asked for one name.
          recorded: full.recorded.filter((row_) => row_.name === one || row_.name.startsWith(`${one}-`)),
          observed: seen(
            ...(full.observed.kind === 'ok' ? full.observed.containers : []).filter(
              (it) => it.decky === one || it.name === one || it.name.startsWith(`${one}-`),
            ),
          ),
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
