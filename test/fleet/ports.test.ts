import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memoryFromJson, memoryToJson } from '../../src/database/memory.ts';
import type { Container } from '../../src/fleet/plan/container-match.ts';
import type { EngineAnswer, Facts } from '../../src/fleet/plan/facts.ts';
import { type Memory, noMemory } from '../../src/fleet/plan/memory.ts';
import { plan } from '../../src/fleet/plan/plan.ts';
import { type ObservedPorts, type Port, portsInWords, portsOf } from '../../src/fleet/plan/ports.ts';
import {
  container,
  decky,
  declared,
  exited,
  facts,
  now,
  row,
  seen,
  serviceOf,
  unreachable,
} from '../harness/facts.ts';

/** A decky's service container on the network of its base. */
const joined = (service: string, more: Partial<Container> = {}): Container =>
  serviceOf('web', service, { network: 'shared', owner: 'web', ...more });

const open = (...ports: readonly Port[]): ObservedPorts => ({
  kind: 'checked',
  byBase: new Map([['web', new Set(ports)]]),
});
const later: ObservedPorts = { kind: 'checked', byBase: new Map([['web', 'later']]) };

const withPorts = (ports: ObservedPorts, ...containers: readonly Container[]): EngineAnswer => ({
  ...(seen(...containers) as EngineAnswer & { kind: 'ok' }),
  ports,
});

const look = (ports: ObservedPorts, containers: readonly Container[]): EngineAnswer =>
  withPorts(ports, container('web'), ...containers);

/** Plans one check after the other, each this number of seconds after the first, on what the check before has written. */
function looks(
  services: readonly string[],
  given: readonly { at: number; observed: EngineAnswer; more?: Partial<Facts> }[],
) {
  let memory: Memory = noMemory;
  let recorded = row('web', { services });
  const desired = declared(decky('web', services));
  recorded = { ...recorded, config: decky('web', services).config };
  return given.map(({ at, observed, more }) => {
    const it = plan(
      facts({ now: now + at * 1000, desired, recorded: [recorded], observed, memory, ...more }),
    );
    const change = it.changes[0];
    if (change !== undefined && change.to !== null)
      recorded = { ...recorded, state: change.to, lastError: change.lastError };
    // As the next pass reads it.
    memory = memoryFromJson(memoryToJson(it.memory));
    return {
      state: recorded.state,
      reason: recorded.lastError,
      cause: change?.cause ?? null,
      recheckMs: it.requeueAfterMs.get('web') ?? null,
      unchecked: memory.portsUnchecked,
    };
  });
}

const states = (...given: Parameters<typeof looks>) =>
  looks(...given).map(({ state, reason }) => (reason === null ? state : `${state}: ${reason}`));

const both = [joined('ssh'), joined('http')];
const bad = 'degraded: http: nothing listens on 80 or 443';

describe('a running service on whose ports nothing listens', () => {
  test('is not running after two checks 10 s apart, and the first asks for the second', () => {
    const silent = look(open('tcp/22'), both);
    const [first, early, second] = looks(
      ['ssh', 'http'],
      [
        { at: 0, observed: silent },
        { at: 4, observed: silent },
        { at: 10, observed: silent },
      ],
    );
    assert.deepEqual([first?.state, first?.recheckMs], ['running', 10_000]);
    assert.deepEqual([early?.state, early?.recheckMs], ['running', 6000]);
    assert.deepEqual([second?.state, second?.recheckMs], ['degraded', null]);
    assert.equal(second?.reason, 'http: nothing listens on 80 or 443');
    assert.deepEqual(second?.cause, { service: 'http', state: 'nothing listens', exitCode: null });
  });

  test('leaves a decky failed if it has no other', () => {
    const silent = look(open(), [joined('http')]);
    assert.deepEqual(
      states(
        ['http'],
        [
          { at: 0, observed: silent },
          { at: 11, observed: silent },
        ],
      ),
      ['running', 'failed: http: nothing listens on 80 or 443'],
    );
  });

  test('runs again as soon as it listens, on any of its ports', () => {
    const silent = look(open('tcp/22'), both);
    const heard = look(open('tcp/22', 'tcp/443'), both);
    assert.deepEqual(
      states(
        ['ssh', 'http'],
        [0, 11, 12].map((at) => ({ at, observed: at === 12 ? heard : silent })),
      ),
      ['running', bad, 'running'],
    );
  });

  test('two checks with one between that heard it are not enough', () => {
    const silent = look(open('tcp/22'), both);
    const heard = look(open('tcp/22', 'tcp/80'), both);
    assert.deepEqual(
      states(
        ['ssh', 'http'],
        [
          { at: 0, observed: silent },
          { at: 5, observed: heard },
          { at: 12, observed: silent },
        ],
      ),
      ['running', 'running', 'running'],
    );
  });

  test('has 10 s to start, and a check before a restart does not count', () => {
    const aged = (ageSeconds: number) => look(open(), [joined('http', { ageSeconds })]);
    const found = looks(
      ['http'],
      [
        { at: 0, observed: aged(3) },
        { at: 8, observed: aged(11) },
        // Restarted.
        { at: 20, observed: aged(2) },
        { at: 30, observed: aged(12) },
        { at: 41, observed: aged(23) },
      ],
    );
    assert.deepEqual(
      found.map(({ state, recheckMs }) => [state, recheckMs]),
      [
        ['running', 7000],
        ['running', 10_000],
        ['running', 8000],
        ['running', 10_000],
        ['failed', null],
      ],
    );
  });

  test('a restart between two checks that no check saw makes the second the first', () => {
    const aged = (ageSeconds: number) => look(open(), [joined('http', { ageSeconds })]);
    assert.deepEqual(
      states(
        ['http'],
        [
          { at: 0, observed: aged(50) },
          { at: 30, observed: aged(12) },
        ],
      ),
      ['running', 'running'],
    );
  });

  test('a network that a later pass reads changes nothing', () => {
    const silent = look(open('tcp/22'), both);
    const unread = look(later, both);
    assert.deepEqual(
      states(
        ['ssh', 'http'],
        [
          { at: 0, observed: unread },
          { at: 11, observed: silent },
          { at: 22, observed: unread },
          { at: 33, observed: silent },
          { at: 44, observed: unread },
          { at: 55, observed: unreachable },
          { at: 66, observed: unread },
        ],
      ),
      ['running', 'running', 'running', bad, bad, bad, bad],
    );
  });

  for (const [why, ports] of [
    ['off', { kind: 'unchecked', why: 'DECNET_CHECK_PORTS is off' }],
    ['impossible', { kind: 'unchecked', why: 'the engine is elsewhere' }],
    ['impossible for this decky', { kind: 'checked', byBase: new Map() }],
  ] as const)
    test(`where the check is ${why} it counts as running, whatever was seen before`, () => {
      const silent = look(open('tcp/22'), both);
      const found = looks(
        ['ssh', 'http'],
        [
          { at: 0, observed: silent },
          { at: 11, observed: silent },
          { at: 22, observed: look(ports, both) },
          { at: 33, observed: silent },
        ],
      );
      assert.deepEqual(
        found.map(({ state }) => state),
        ['running', 'degraded', 'running', 'running'],
      );
      assert.equal(found[2]?.unchecked, ports.kind === 'unchecked' ? ports.why : null);
    });

  const twice = (services: readonly string[], observed: EngineAnswer) =>
    states(services, [
      { at: 0, observed },
      { at: 11, observed },
    ])[1];

  test('is not asked for where it is unknown, stopped, cut off, or in a restart loop', () => {
    assert.equal(
      twice(['ssh', 'gopher'], look(open('tcp/22'), [joined('ssh'), joined('gopher')])),
      'running',
    );
    assert.equal(twice(['http'], look(open(), [joined('http', exited(1))])), 'failed: http: exited, code 1');
    assert.equal(
      twice(['http'], look(open(), [joined('http', { network: 'cut off' })])),
      'failed: http: cut off from its network',
    );
    assert.equal(
      twice(['http'], look(open(), [joined('http', { loop: { kind: 'loop', endsIn: null } })])),
      'degraded: http: restart loop',
    );
  });

  test('is not asked for where the base does not run, or is not known', () => {
    const observed = withPorts(open(), container('web', exited(137)), joined('http'));
    assert.match(twice(['http'], observed) ?? '', /^degraded: base container: exited/);
    assert.equal(twice(['http'], withPorts(open(), joined('http'))), 'running');
  });

  test('is seen of the services that a rotation brought', () => {
    const strays = [joined('redis'), joined('ssh')];
    const found = twice(['http', 'ssh'], look(open('tcp/22'), strays));
    assert.equal(found, 'degraded: redis: nothing listens on 6379');
  });

  test('is forgotten with its decky', () => {
    const silent = look(open(), [joined('http')]);
    const memory = {
      ...noMemory,
      silent: new Map([['web', new Map([['http', { since: now, isConfirmed: true }]])]]),
    };
    const of = (more: Partial<Facts>) =>
      plan(facts({ observed: silent, memory, recorded: [row('web')], ...more }));
    assert.equal(of({ desired: declared(decky('other')) }).memory.silent.size, 0);
    const partial = of({ only: new Set(['other']), desired: declared(decky('web', ['http'])) });
    assert.equal(partial.memory.silent.size, 1, 'a pass over another decky keeps it');
  });
});

test('the ports of a service are in words, and of a name that Compose has changed', () => {
  assert.deepEqual(['http', 'dns', 'tftp', 'llmnr', 'sip', 'smtp-relay'].map(portsInWords), [
    '80 or 443',
    '53',
    '69/udp',
    '5355/udp or 5353/udp',
    '5060',
    '25 or 587',
  ]);
  assert.deepEqual(portsOf('gopher'), []);
});

test('a note that somebody else wrote is read as far as it is valid', () => {
  const read = memoryFromJson({
    silent: { web: { http: 3, ssh: { confirmed: 'yes' } } },
    ports: { unchecked: 3 },
  });
  assert.deepEqual([...(read.silent.get('web') ?? [])], [['ssh', { since: 0, isConfirmed: false }]]);
  assert.equal(read.portsUnchecked, null);
  assert.equal(memoryFromJson({}).portsUnchecked, 'DECNET_CHECK_PORTS is off');
});
