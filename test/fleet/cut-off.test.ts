import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Container } from '../../src/fleet/plan/container-match.ts';
import { isCutOff, type NetworkOwner } from '../../src/fleet/plan/cut-off.ts';
import { container, decky, declared, exited, facts, row, seen, serviceOf } from '../harness/facts.ts';
import { applied } from '../harness/planned.ts';

describe('whether a container is cut off', () => {
  const at = (earliest: number, latest = earliest) => ({ earliest, latest });
  const owner = (from: number, to = from, isFirstStart = false): NetworkOwner => ({
    started: at(from, to),
    isFirstStart,
  });
  for (const [what, started, by, expected] of [
    ['its owner does not run', at(5), { started: null, isFirstStart: true }, true],
    ['its owner was started later', at(5), owner(6), true],
    ['its owner was started before it', at(6), owner(5), false],
    ['both at one instant', at(5), owner(5), false],
    ['its owner runs for the first time', at(5), owner(6, 6, true), false],
    ['the spans do not overlap', at(1, 4), owner(5, 9), true],
    ['the spans touch', at(5, 9), owner(1, 5), false],
    ['the spans overlap', at(4, 6), owner(5, 9), null],
    ['the end of one is the begin of the other', at(1, 5), owner(5, 9), null],
  ] as const)
    test(what, () => assert.equal(isCutOff(started, by), expected));
});

describe('a decky whose services are cut off', () => {
  const cut: Partial<Container> = { network: 'cut off', owner: 'web' };
  const on: Partial<Container> = { network: 'shared', owner: 'web' };
  const loop: Partial<Container> = { loop: { kind: 'loop', endsIn: 9 } };
  const [ssh, http] = ['ssh', 'http'].map((one) => (more: Partial<Container>) => serviceOf('web', one, more));
  assert.ok(ssh !== undefined && http !== undefined);
  const base = container('web');
  const isCut = 'cut off from its network';
  for (const [what, containers, expected] of [
    ['all', [base, ssh(cut), http(cut)], `failed: ssh: ${isCut}; http: ${isCut}`],
    ['some', [base, ssh(on), http(cut)], `degraded: http: ${isCut}`],
    ['none', [base, ssh(on), http(on)], 'running: null'],
    [
      'some, and one has exited',
      [base, ssh({ ...cut, ...exited(1) }), http(cut)],
      `failed: ssh: exited, code 1; http: ${isCut}`,
    ],
    [
      'all, in a restart loop',
      [base, ssh({ ...cut, ...loop }), http({ ...cut, ...loop })],
      `failed: ssh: ${isCut}; http: ${isCut}`,
    ],
    [
      'all, and unhealthy',
      [base, ssh({ ...cut, unhealthy: true }), http(cut)],
      `failed: ssh: ${isCut}; http: ${isCut}`,
    ],
    ['all, without a base', [ssh(cut), http(cut)], `failed: ssh: ${isCut}; http: ${isCut}`],
    ['none is known', [base, ssh({ network: 'unverified' }), http(on)], 'running: null'],
  ] as const)
    test(what, () => {
      const services = ['ssh', 'http'];
      const given = facts({
        desired: declared(decky('web', services)),
        recorded: [row('web', decky('web', services))],
        observed: seen(...containers),
      });
      const [web] = applied(given).facts.recorded;
      assert.equal(`${web?.state}: ${web?.lastError}`, expected);
    });

  test('is not called running before its networks are known', () => {
    const given = (state: 'failed' | 'degraded') =>
      facts({
        desired: declared(decky('web')),
        recorded: [row('web', { state, lastError: `ssh: ${isCut}` })],
        observed: seen(base, ssh({ network: 'unverified' })),
      });
    for (const state of ['failed', 'degraded'] as const)
      assert.equal(applied(given(state)).facts.recorded[0]?.state, state);
  });
});
