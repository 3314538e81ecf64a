import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Container } from '../../src/fleet/plan/container-match.ts';
import type { Facts } from '../../src/fleet/plan/facts.ts';
import { noMemory } from '../../src/fleet/plan/memory.ts';
import { plan } from '../../src/fleet/plan/plan.ts';
import { portsOff } from '../../src/fleet/plan/ports.ts';
import {
  container,
  decky,
  declared,
  exited,
  facts,
  invalid,
  now,
  othersRow,
  row,
  seen,
  serviceOf,
  unreachable,
} from '../harness/facts.ts';

const base = (name: string, more: Partial<Container> = {}): Container =>
  container(name, { isOfDecnet: true, ...more });
const on = (more: Partial<Container> = {}): Container =>
  serviceOf('ghost', 'ssh', { network: 'shared', owner: 'ghost', ...more });

/** `name kind` of each. */
const found = (given: Partial<Facts>): string =>
  [...plan(facts({ desired: declared(decky('web')), recorded: [row('web')], ...given })).memory.undeclared]
    .map(([name, { kind }]) => `${name} ${kind}`)
    .join(', ');

describe('undeclared', () => {
  for (const [what, containers, expected] of [
    ['a base and its service', [base('ghost'), on()], 'ghost running'],
    ['a service without its base', [on()], 'ghost running'],
    ['a service that is cut off', [base('ghost'), on({ network: 'cut off' })], 'ghost leftover'],
    ['a base alone', [base('ghost')], 'ghost leftover'],
    ['a base whose service has exited', [base('ghost'), on(exited(1))], 'ghost leftover'],
    ['a base that is not DECNET’s', [container('ghost')], ''],
    ['one that has exited', [base('ghost', exited(1)), on(exited(1))], ''],
    ['a minute old', [on({ ageSeconds: 60 })], 'ghost running'],
    ['younger', [on({ ageSeconds: 59 })], ''],
    ['of unknown age', [on({ ageSeconds: null })], ''],
    ['of a topology', [base('ghost', { isOfTopology: true }), on({ isOfTopology: true })], ''],
    ['with a name that no decky can have', [serviceOf('../ghost', 'ssh')], ''],
    ['a declared decky’s other services', [base('web'), serviceOf('web', 'ftp')], ''],
    ['two', [on(), serviceOf('other', 'ssh')], 'ghost running, other running'],
  ] as const)
    test(what, () => assert.equal(found({ observed: seen(...containers) }), expected));

  test('is no decky with a row that stays', () => {
    const observed = seen(on());
    assert.equal(found({ observed, recorded: [row('web'), othersRow('ghost', 5)] }), '');
    assert.equal(found({ observed, recorded: [row('web'), row('ghost')] }), 'ghost running', 'deleted now');
  });

  test('stays as it was where a pass cannot tell', () => {
    const ghost = { kind: 'leftover', containers: ['ghost'], since: now - 9 } as const;
    const memory = { ...noMemory, undeclared: new Map([['ghost', ghost]]) };
    for (const given of [
      { observed: unreachable },
      { desired: invalid },
      { only: new Set(['web']) },
      { observed: { kind: 'ok', containers: [], isWhole: false, now: now / 1000, ports: portsOff } as const },
    ])
      assert.equal(found({ memory, ...given }), 'ghost leftover', JSON.stringify(given));
    assert.equal(found({ memory, observed: seen() }), '');
    const later = plan(facts({ memory, observed: seen(on()) })).memory.undeclared.get('ghost');
    assert.deepEqual(later, { kind: 'running', containers: ['ghost-ssh'], since: now - 9 });
  });

  test('is limited, whatever the engine lists', () => {
    const many = Array.from({ length: 1200 }, (_, at) => serviceOf(`ghost-${at}`, 'ssh'));
    const one = Array.from({ length: 30 }, (_, at) => on({ name: `ghost-${at}` }));
    const of = (all: readonly Container[]) => plan(facts({ observed: seen(...all) })).memory.undeclared;
    assert.equal(of(many).size, 1000);
    assert.equal(of(one).get('ghost')?.containers.length, 20);
  });
});
