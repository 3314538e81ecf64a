import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Container } from '../../src/fleet/plan/container-match.ts';
import { noExplanations } from '../../src/fleet/plan/explanations.ts';
import type { EngineAnswer, Facts } from '../../src/fleet/plan/facts.ts';
import { noMemory } from '../../src/fleet/plan/memory.ts';
import { plan } from '../../src/fleet/plan/plan.ts';
import {
  absent,
  container,
  decky,
  declared,
  exited,
  facts,
  invalid,
  row,
  seen,
  serviceOf,
  unreachable,
} from '../harness/facts.ts';
import { applied } from '../harness/planned.ts';

/** A service's container on the network of the decky's base. */
const on = (service: string, more: Partial<Container> = {}): Container =>
  serviceOf('web', service, { network: 'shared', owner: 'web', ...more });

/** The running base, and containers of these services; `!` marks one that has exited, `+` one that is only created. */
const shows = (text: string): EngineAnswer =>
  seen(
    container('web'),
    ...text
      .split(' ')
      .filter((word) => word !== '')
      .map((word) =>
        word.endsWith('!')
          ? on(word.slice(0, -1), exited(1))
          : word.endsWith('+')
            ? on(word.slice(0, -1), { state: 'created' })
            : on(word),
      ),
  );

/** One check after another. A step changes what is given, and the rest stays. */
interface Step {
  /** What Docker shows, as `shows` takes it, or its answer. */
  readonly docker?: string | EngineAnswer;
  /** The services of a message before this check. */
  readonly reported?: readonly string[];
  /** The services in the file. */
  readonly file?: readonly string[] | 'invalid' | 'absent';
  /** The row after it: its state, its services, its error. */
  readonly row: string;
}

function run(first: readonly string[], steps: readonly Step[]): void {
  let given: Facts = facts({
    desired: declared(decky('web', first)),
    recorded: [row('web', { ...decky('web', first) })],
    observed: shows(first.filter((service) => service !== 'sniffer').join(' ')),
  });
  for (const [at, { docker, reported, file, row: expected }] of steps.entries()) {
    const observed = typeof docker === 'string' ? shows(docker) : (docker ?? given.observed);
    const desired =
      file === undefined
        ? given.desired
        : file === 'invalid'
          ? invalid
          : file === 'absent'
            ? absent
            : declared(decky('web', file));
    const mutations = new Map(reported === undefined ? [] : [['web', reported]]);
    given = applied({ ...given, observed, desired, explanations: { ...noExplanations, mutations } }).facts;
    const [web] = given.recorded;
    const error = web?.lastError === null ? '' : ` (${web?.lastError})`;
    assert.equal(`${web?.state}: ${web?.services.join(' ')}${error}`, expected, `step ${at + 1}`);
    assert.deepEqual(
      applied({ ...given, explanations: noExplanations }).plan.changes,
      [],
      `again after step ${at + 1}`,
    );
    given = { ...given, explanations: noExplanations };
  }
}

const tables: Readonly<Record<string, readonly [file: readonly string[], steps: readonly Step[]]>> = {
  'a message about other services': [
    ['ssh', 'http'],
    [{ reported: ['ftp', 'telnet'], docker: 'ftp telnet', row: 'running: ftp telnet' }],
  ],
  'a message about some of them, kept over many looks': [
    ['ssh', 'http'],
    [
      { reported: ['ssh'], docker: 'ssh', row: 'running: ssh' },
      { row: 'running: ssh' },
      { docker: 'ssh!', row: 'failed: ssh (ssh: exited, code 1)' },
      { docker: 'ssh', row: 'running: ssh' },
    ],
  ],
  'a message about more': [
    ['ssh'],
    [
      { reported: ['ssh', 'ftp'], docker: 'ssh ftp', row: 'running: ssh ftp' },
      { docker: 'ssh! ftp', row: 'degraded: ssh ftp (ssh: exited, code 1)' },
    ],
  ],
  'a missing service without a message is a fault': [
    ['ssh', 'http'],
    [{ docker: 'ssh', row: 'degraded: ssh http (http: no container)' }],
  ],
  'containers of other services tell it, too': [
    ['ssh', 'http'],
    [
      { docker: 'ssh ftp', row: 'running: ftp ssh' },
      { docker: 'ssh ftp!', row: 'degraded: ftp ssh (ftp: exited, code 1)' },
      { docker: 'ssh ftp', row: 'running: ftp ssh' },
      { docker: 'telnet', row: 'running: telnet' },
    ],
  ],
  'other services beside all of the file’s are none': [['ssh'], [{ docker: 'ssh ftp', row: 'running: ssh' }]],
  'an exited container is a crash': [
    ['ssh', 'http'],
    [
      {
        docker: 'ssh! ftp',
        row: 'failed: ssh http (ssh: exited, code 1; http: no container; not in the file: ftp)',
      },
    ],
  ],
  'the file’s services are back': [
    ['ssh', 'http'],
    [
      { reported: ['ftp'], docker: 'ftp', row: 'running: ftp' },
      { docker: 'ssh http', row: 'running: ssh http' },
      { docker: 'ssh http!', row: 'degraded: ssh http (http: exited, code 1)' },
    ],
  ],
  'the file’s services come back and do not run': [
    ['ssh', 'http'],
    [
      { reported: ['ftp'], docker: 'ftp', row: 'running: ftp' },
      { docker: 'ssh http+', row: 'degraded: ssh http (http: created)' },
    ],
  ],
  'the file changes its services': [
    ['ssh', 'http'],
    [
      { reported: ['ssh'], docker: 'ssh', row: 'running: ssh' },
      { file: ['ssh', 'smtp'], row: 'degraded: ssh smtp (smtp: no container)' },
      { file: ['ssh', 'http'], row: 'degraded: ssh http (http: no container)' },
    ],
  ],
  'a rotated service crashes, with a message': [
    ['ssh', 'http'],
    [
      { reported: ['ftp', 'telnet'], docker: 'ftp telnet', row: 'running: ftp telnet' },
      { docker: 'ftp! telnet', row: 'degraded: ftp telnet (ftp: exited, code 1)' },
      { docker: 'telnet', row: 'degraded: ftp telnet (ftp: no container)' },
      { docker: '', row: 'torn_down: ftp telnet (no container)' },
      { docker: 'ftp telnet', row: 'running: ftp telnet' },
    ],
  ],
  'two messages': [
    ['ssh'],
    [
      { reported: ['ftp'], docker: 'ftp', row: 'running: ftp' },
      { reported: ['telnet', 'smtp'], docker: 'telnet smtp', row: 'running: telnet smtp' },
      { reported: ['ssh'], docker: 'ssh', row: 'running: ssh' },
    ],
  ],
  'a message that comes before its containers': [
    ['ssh'],
    [
      { reported: ['ftp'], docker: 'ssh', row: 'running: ssh' },
      { docker: 'ftp', row: 'running: ftp' },
    ],
  ],
  'back to the file’s services, reported in another order, while one is down': [
    ['ssh', 'http'],
    [
      { reported: ['ftp'], docker: 'ftp', row: 'running: ftp' },
      { reported: ['http', 'ssh'], docker: 'ssh! http', row: 'degraded: ssh http (ssh: exited, code 1)' },
    ],
  ],
  'Docker is silent': [
    ['ssh', 'http'],
    [
      { reported: ['ftp'], docker: unreachable, row: 'running: ftp' },
      { docker: 'ftp', row: 'running: ftp' },
      { docker: unreachable, row: 'running: ftp' },
      { docker: 'ftp!', row: 'failed: ftp (ftp: exited, code 1)' },
    ],
  ],
  'a file with a fault changes nothing about it': [
    ['ssh', 'http'],
    [
      { reported: ['ssh'], docker: 'ssh', row: 'running: ssh' },
      { file: 'invalid', row: 'running: ssh' },
      { docker: 'ssh!', row: 'failed: ssh (ssh: exited, code 1)' },
      { file: ['ssh', 'http'], docker: 'ssh', row: 'running: ssh' },
    ],
  ],
  'a message while the file has a fault is kept': [
    ['ssh', 'http'],
    [
      { file: 'invalid', reported: ['ssh'], docker: 'ssh', row: 'running: ssh http' },
      { file: ['ssh', 'http'], row: 'running: ssh' },
    ],
  ],
  'a decky with a singleton': [
    ['ssh', 'sniffer'],
    [
      { docker: 'ftp', row: 'running: ftp sniffer' },
      { reported: ['telnet', 'sniffer'], docker: 'telnet', row: 'running: telnet sniffer' },
      { docker: 'telnet!', row: 'failed: telnet sniffer (telnet: exited, code 1)' },
    ],
  ],
  'a decky of singletons alone, with a message and back': [
    ['sniffer'],
    [
      { docker: 'ftp', row: 'running: sniffer' },
      { reported: ['ftp'], docker: 'ftp', row: 'running: ftp' },
      { docker: 'ftp!', row: 'failed: ftp (ftp: exited, code 1)' },
      { docker: '', row: 'running: sniffer' },
    ],
  ],
  'a message about singletons alone': [
    ['ssh'],
    [{ reported: ['sniffer'], docker: '', row: 'running: sniffer' }],
  ],
};

describe('the services of a decky', () => {
  for (const [what, [file, steps]] of Object.entries(tables)) test(what, () => run(file, steps));

  test('an observed rotation needs a sound base and a container on its network', () => {
    const stray = on('ftp');
    const found = (...all: readonly Container[]): string | undefined => {
      const given = facts({
        desired: declared(decky('web')),
        recorded: [row('web')],
        observed: seen(...all),
      });
      return applied(given).facts.recorded[0]?.state;
    };
    const base = container('web');
    assert.equal(found(base, stray), 'running');
    assert.equal(found(base, { ...stray, network: 'unverified' }), 'running', 'not inspected yet');
    assert.equal(found(stray), 'torn_down', 'no base');
    assert.equal(found(container('web', exited(0)), stray), 'torn_down');
    assert.equal(found(base, { ...stray, network: 'own', owner: null }), 'torn_down');
    assert.equal(found(base, { ...stray, owner: 'mail' }), 'torn_down');
    assert.equal(found(base, { ...stray, network: 'cut off' }), 'torn_down');
    assert.equal(found(base, stray, on('telnet', { state: 'created' })), 'torn_down');
  });

  test('of two containers of one other service the running one counts, in whatever order', () => {
    const [old, good] = [on('ftp', exited(0)), on('ftp', { name: 'web-ftp-2', createdAt: 2 })];
    for (const both of [
      [old, good],
      [good, old],
    ]) {
      const given = facts({
        desired: declared(decky('web')),
        recorded: [row('web')],
        observed: seen(container('web'), ...both),
      });
      assert.equal(applied(given).facts.recorded[0]?.state, 'running');
    }
  });

  test('the change is recorded with equal states, why, and the file’s content', () => {
    const given = facts({
      desired: declared(decky('web', ['http', 'https'])),
      recorded: [row('web', decky('web', ['http', 'https']))],
      observed: shows('ssh telnet'),
      explanations: { ...noExplanations, mutations: new Map([['web', ['ssh', 'telnet']]]) },
    });
    const [change] = plan(given).changes;
    assert.equal(change?.action, 'config');
    assert.deepEqual([change.from, change.to], ['running', 'running']);
    assert.equal(change.reason, 'rotated: ssh, telnet instead of http, https');
    assert.deepEqual(change.content?.config, decky('web', ['http', 'https']).config);
  });

  test('a message of a decky that the file does not declare is forgotten', () => {
    const explanations = { ...noExplanations, mutations: new Map([['mail', ['ssh']]]) };
    assert.deepEqual(
      plan(facts({ desired: declared(decky('web')), explanations })).memory.rotations,
      new Map(),
    );
    const rotations = new Map([['web', { services: ['ftp'], declared: ['ssh'], isReported: true }]]);
    const memory = { ...noMemory, rotations };
    assert.deepEqual(plan(facts({ desired: absent, memory })).memory.rotations, new Map());
  });

  test('a pass over another decky keeps it', () => {
    const rotations = new Map([['web', { services: ['ftp'], declared: ['ssh'], isReported: true }]]);
    const given = facts({
      desired: declared(decky('web'), decky('mail')),
      recorded: [row('web'), row('mail')],
      memory: { ...noMemory, rotations },
      only: new Set(['mail']),
    });
    assert.deepEqual(plan(given).memory.rotations, rotations);
  });
});
