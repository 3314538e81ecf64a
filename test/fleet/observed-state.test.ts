import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Container, indexContainers } from '../../src/fleet/plan/container-match.ts';
import { observedState } from '../../src/fleet/plan/observed-state.ts';
import { container, exited, serviceOf } from '../harness/facts.ts';

const looping: Partial<Container> = { loop: { kind: 'loop', endsIn: 200 } };
const restarting: Partial<Container> = {
  state: 'restarting',
  exitCode: 1,
  loop: { kind: 'loop', endsIn: null },
};

const cases: readonly [string, readonly string[], readonly Container[], string, string | null][] = [
  ['none seen', ['ssh', 'http'], [], 'torn_down', 'no container'],
  ['all running', ['ssh'], [container('web'), serviceOf('web', 'ssh')], 'running', null],
  ['a base never seen is not asked for', ['ssh'], [serviceOf('web', 'ssh')], 'running', null],
  ['none running', ['ssh'], [serviceOf('web', 'ssh', exited(137))], 'failed', 'ssh: exited, code 137'],
  ['one running, one missing', ['ssh', 'http'], [serviceOf('web', 'ssh')], 'degraded', 'http: no container'],
  [
    'one running, one exited',
    ['ssh', 'http'],
    [serviceOf('web', 'ssh'), serviceOf('web', 'http', exited(0))],
    'degraded',
    'http: exited, code 0',
  ],
  ['unhealthy', ['ssh'], [serviceOf('web', 'ssh', { unhealthy: true })], 'degraded', 'ssh: unhealthy'],
  [
    'all running beside a dead base',
    ['ssh'],
    [container('web', exited(1)), serviceOf('web', 'ssh')],
    'degraded',
    'base container: exited, code 1',
  ],
  [
    'all dead, base and all',
    ['ssh'],
    [container('web', exited(137)), serviceOf('web', 'ssh', exited(137))],
    'failed',
    'ssh: exited, code 137; base container: exited, code 137',
  ],
  [
    'a restart loop between two tries',
    ['ssh'],
    [serviceOf('web', 'ssh', restarting)],
    'degraded',
    'ssh: restart loop',
  ],
  [
    'the same loop while it is up',
    ['ssh'],
    [serviceOf('web', 'ssh', looping)],
    'degraded',
    'ssh: restart loop',
  ],
  [
    'a looping base',
    ['ssh'],
    [container('web', looping), serviceOf('web', 'ssh')],
    'degraded',
    'base container: restart loop',
  ],
  ['only a singleton, base running', ['sniffer'], [container('web')], 'running', null],
  [
    'only a singleton, base dead',
    ['sniffer'],
    [container('web', exited(2))],
    'failed',
    'base container: exited, code 2',
  ],
  [
    'only a singleton, base unhealthy',
    ['sniffer'],
    [container('web', { unhealthy: true })],
    'degraded',
    'base container: unhealthy',
  ],
  ['only a singleton, nothing', ['sniffer'], [], 'torn_down', 'no container'],
  ['a singleton beside a service', ['sniffer', 'ssh'], [serviceOf('web', 'ssh')], 'running', null],
  [
    'a rotated service runs instead',
    ['ssh'],
    [serviceOf('web', 'telnet')],
    'torn_down',
    'no container; not in the file: telnet',
  ],
  [
    'a rotated service runs beside',
    ['ssh'],
    [serviceOf('web', 'ssh'), serviceOf('web', 'telnet')],
    'running',
    null,
  ],
  [
    'two containers of one service: the one that runs counts',
    ['ssh'],
    [serviceOf('web', 'ssh', { ...exited(1), createdAt: 9 }), serviceOf('web', 'ssh', { name: 'web-ssh-2' })],
    'running',
    null,
  ],
  ...(['paused', 'created', 'removing'] as const).map(
    (state): [string, string[], Container[], string, string] => [
      `${state} is not running`,
      ['ssh'],
      [serviceOf('web', 'ssh', { state })],
      'failed',
      `ssh: ${state}`,
    ],
  ),
  ['dead is not running', ['ssh'], [serviceOf('web', 'ssh', { state: 'dead' })], 'failed', 'ssh: dead'],
];

describe('the observed state of a decky', () => {
  for (const [what, services, containers, state, reason] of cases) {
    test(what, () => {
      const match = indexContainers(containers, new Map([['web', services]])).matchOf('web');
      const observed = observedState(services, match);
      assert.deepEqual([observed.state, observed.reason], [state, reason]);
      // The reason begins with the cause, in words.
      const { cause } = observed;
      const code = cause === null || cause.exitCode === null ? '' : `, code ${cause.exitCode}`;
      const words = cause === null ? null : `${cause.state}${code}`;
      const [first = null] = reason?.split('; ') ?? [];
      const label = cause?.service ?? (first?.startsWith('base container: ') ? 'base container' : null);
      assert.equal(words === null || label === null ? words : `${label}: ${words}`, first);
    });
  }

  test('the cause of a restart loop has no exit code, of an exited service its own', () => {
    const causeOf = (services: readonly string[], ...containers: readonly Container[]) =>
      observedState(services, indexContainers(containers, new Map([['web', services]])).matchOf('web')).cause;
    assert.deepEqual(causeOf(['ssh'], serviceOf('web', 'ssh', restarting)), {
      service: 'ssh',
      state: 'restart loop',
      exitCode: null,
    });
    assert.deepEqual(
      causeOf(['ssh', 'http'], serviceOf('web', 'http', exited(-1)), serviceOf('web', 'ssh')),
      {
        service: 'http',
        state: 'exited',
        exitCode: -1,
      },
    );
    assert.deepEqual(causeOf(['sniffer'], container('web', exited(2))), {
      service: null,
      state: 'exited',
      exitCode: 2,
    });
  });

  test('a cause is short and printable, whatever a row names', () => {
    const service = `a\n${'😀'.repeat(300)}`;
    const { cause } = observedState([service, 'ssh'], {
      base: null,
      services: new Map([['ssh', serviceOf('web', 'ssh', { state: 'x'.repeat(100) })]]),
      strays: [],
      anyServiceRuns: true,
    });
    assert.equal(cause?.state, 'no container');
    assert.ok((cause?.service?.length ?? 0) <= 128 && cause?.service?.isWellFormed());
    assert.doesNotMatch(cause?.service ?? '', /\p{Cc}/u);
    assert.ok(Buffer.byteLength(JSON.stringify(cause)) < 700);
  });

  test('what was not inspected is reported', () => {
    const suspect = serviceOf('web', 'ssh', { loop: { kind: 'suspect' } });
    const match = indexContainers([suspect], new Map([['web', ['ssh']]])).matchOf('web');
    assert.deepEqual(observedState(['ssh'], match), {
      state: 'running',
      reason: null,
      cause: null,
      doubt: 'restart loop',
    });
  });
});

describe('whose container is this', () => {
  const nameOfService = (
    known: Record<string, string[]>,
    containers: readonly Container[],
    decky: string,
    service: string,
  ) =>
    indexContainers(containers, new Map(Object.entries(known)))
      .matchOf(decky)
      .services.get(service)?.name;

  test('a label wins over a name', () => {
    const known = { web: ['ssh-http'], 'web-ssh': ['http'] };
    const labelled = [container('web-ssh-http', { decky: 'web', service: 'ssh-http' })];
    assert.equal(nameOfService(known, labelled, 'web', 'ssh-http'), 'web-ssh-http');
    assert.equal(nameOfService(known, labelled, 'web-ssh', 'http'), undefined);
  });

  test('an unlabelled name belongs to one decky only', () => {
    const known = { web: ['ssh', 'ssh-http'], 'web-ssh': ['http'] };
    const unlabelled = [container('web-ssh'), container('web-ssh-http')];
    const index = indexContainers(unlabelled, new Map(Object.entries(known)));
    assert.equal(index.matchOf('web-ssh').base?.name, 'web-ssh');
    assert.equal(index.matchOf('web-ssh').services.get('http')?.name, 'web-ssh-http');
    assert.equal(index.matchOf('web').services.size, 0);
  });

  test('both spellings of a service are its name', () => {
    for (const [service, name] of [
      ['docker_api', 'web-docker-api'],
      ['docker_api', 'web-docker_api'],
      ['smtp_relay', 'web-smtp_relay'],
      ['smtp_relay', 'web-smtp-relay'],
    ] as const) {
      assert.equal(nameOfService({ web: [service] }, [container(name)], 'web', service), name);
    }
  });

  test('a label of Compose does not make a container labelled', () => {
    assert.equal(
      nameOfService({ web: ['ssh'] }, [container('web-ssh', { decky: null })], 'web', 'ssh'),
      'web-ssh',
    );
  });

  test('an unlabelled container does not replace a labelled one', () => {
    const containers = [
      serviceOf('web', 'ssh', { name: 'labelled', ...exited(1) }),
      container('web-ssh', { createdAt: 99 }),
    ];
    assert.equal(nameOfService({ web: ['ssh'] }, containers, 'web', 'ssh'), 'labelled');
  });

  test('a container labelled for an unknown decky is nobody’s, whatever its name', () => {
    const index = indexContainers(
      [serviceOf('gone', 'ssh', { name: 'web-ssh' })],
      new Map([['web', ['ssh']]]),
    );
    assert.equal(index.matchOf('web').services.size, 0);
  });
});
