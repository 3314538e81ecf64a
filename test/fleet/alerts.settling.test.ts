import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cause } from '../../src/fleet/plan/cause.ts';
import type { FleetState } from '../../src/fleet/state.ts';
import { play, type Sent, type Step } from '../harness/alert-table.ts';

const crash: Cause = { service: 'ssh', state: 'exited', exitCode: 1 };
const asked: Cause = { service: 'ssh', state: 'exited', exitCode: 137, endedBy: 'request' };
const failedDeployment: Cause = {
  service: null,
  state: 'no container',
  exitCode: null,
  deployment: { outcome: 'failed', of: 'new-01' },
};

/** In how many seconds a decky takes which state, and why; a crash where nothing is said. */
type Transition = readonly [seconds: number, to: FleetState | null, cause?: Cause];

const stepsOf = (name: string, transitions: readonly Transition[]): readonly Step[] =>
  transitions.map(([seconds, to, cause = crash]) => {
    const isDown = to !== 'running' && to !== 'pending' && to !== null;
    return { at: seconds * 1000, name, to, reason: `${name} ${to}`, cause: isDown ? cause : null };
  });

/** Deckies that run since a minute before 0. */
const messagesOf = (deckies: Readonly<Record<string, readonly Transition[]>>, more = {}): readonly string[] =>
  sentOf(deckies, more).map(({ at, kind, name, names }) => `${at / 1000} ${kind} ${name ?? names.join(' ')}`);

const sentOf = (deckies: Readonly<Record<string, readonly Transition[]>>, more = {}): readonly Sent[] =>
  play(
    Object.entries(deckies).flatMap(([name, transitions]) => [
      ...(name.startsWith('new') ? [] : stepsOf(name, [[-60, 'running']])),
      ...stepsOf(name, transitions),
    ]),
    more,
  );

describe('one decky', () => {
  const rows: readonly (readonly [
    what: string,
    transitions: readonly Transition[],
    sent: readonly string[],
  ])[] = [
    ['a crash is reported after 2 s', [[0, 'failed']], ['2 decky_down web']],
    [
      'a restart that comes back within 2 s is no fault',
      [
        [0.1, 'degraded'],
        [1.9, 'running'],
      ],
      [],
    ],
    ['a stop on request is reported after 15 s', [[0, 'failed', asked]], ['15 decky_down web']],
    [
      'one that comes back within 15 s is not reported',
      [
        [0, 'degraded', asked],
        [10, 'torn_down', asked],
        [14, 'running'],
      ],
      [],
    ],
    [
      'one that got worse and runs again before that could be reported is not reported as worse',
      [
        [0, 'degraded', asked],
        [25.2, 'torn_down'],
        [43.5, 'running'],
      ],
      ['15 decky_down web', '46 decky_recovered web'],
    ],
    [
      'its steps do not make it wait longer',
      [
        [0, 'degraded', asked],
        [10, 'failed', asked],
        [14, 'torn_down', asked],
      ],
      ['15 decky_down web'],
    ],
    [
      'a crash in the meantime is reported as a crash',
      [
        [0, 'degraded', asked],
        [5, 'failed'],
      ],
      ['7 decky_down web'],
    ],
    [
      'what ran out of memory is a crash',
      [[0, 'failed', { ...crash, endedBy: 'memory' }]],
      ['2 decky_down web'],
    ],
    [
      'a deployment that goes well is not reported',
      [
        [0, 'degraded', asked],
        [3, 'failed', asked],
        [10, 'torn_down', asked],
        [11, 'pending'],
        [51, 'degraded'],
        [52, 'running'],
      ],
      [],
    ],
    [
      'a decky that was down before a deployment recovers after it',
      [
        [0, 'failed'],
        [10, 'pending'],
        [400, 'running'],
      ],
      ['2 decky_down web', '402 decky_recovered web'],
    ],
    [
      'a deployment that leaves it down as it was is not reported again',
      [
        [0, 'failed'],
        [10, 'pending'],
        [60, 'failed'],
      ],
      ['2 decky_down web'],
    ],
    [
      'a decky that ran before the deployment and is down after it is reported',
      [
        [0, 'pending'],
        [60, 'failed'],
      ],
      ['62 decky_down web'],
    ],
    [
      'a deployment that failed is reported after 2 s, whoever stopped it',
      [
        [0, 'pending'],
        [60, 'failed', { ...failedDeployment, endedBy: 'request' }],
        [90, 'running'],
      ],
      ['62 deployment_failed web', '92 decky_recovered web'],
    ],
    [
      'a change every second is reported after 10 s',
      Array.from({ length: 15 }, (_, at): Transition => [at, at % 2 === 0 ? 'degraded' : 'failed']),
      ['10 decky_down web'],
    ],
    [
      'a decky that is removed while it is deployed is not reported',
      [
        [0, 'failed'],
        [1, 'pending'],
        [5, null],
      ],
      [],
    ],
  ];
  for (const [what, transitions, sent] of rows)
    test(what, () => assert.deepEqual(messagesOf({ web: transitions }), sent));
});

describe('a decky that never ran', () => {
  const rows: readonly (readonly [
    what: string,
    transitions: readonly Transition[],
    sent: readonly string[],
  ])[] = [
    [
      'is not reported without a failed deployment',
      [
        [0, 'pending'],
        [900, 'torn_down'],
      ],
      [],
    ],
    [
      'is reported when its deployment failed, its recovery too',
      [
        [0, 'pending'],
        [60, 'failed', failedDeployment],
        [90, 'running'],
      ],
      ['62 deployment_failed new', '92 decky_recovered new'],
    ],
    ['is reported when it is inserted so', [[0, 'torn_down', failedDeployment]], ['2 deployment_failed new']],
    [
      'is reported when the failure of its deployment is known later',
      [
        [0, 'pending'],
        [30, 'failed'],
        [60, 'failed', failedDeployment],
      ],
      ['62 deployment_failed new'],
    ],
    [
      'is not reported when it runs before the message',
      [
        [0, 'pending'],
        [60, 'failed', failedDeployment],
        [61, 'running'],
      ],
      [],
    ],
    [
      'is not reported when it is removed before the message',
      [
        [0, 'pending'],
        [60, 'failed', failedDeployment],
        [61, null],
      ],
      [],
    ],
  ];
  for (const [what, transitions, sent] of rows)
    test(what, () => assert.deepEqual(messagesOf({ new: transitions }), sent));
});

describe('several deckies', () => {
  test('one that waits on request does not delay the crash of another', () => {
    assert.deepEqual(messagesOf({ web: [[0, 'failed', asked]], mail: [[3, 'failed']] }), [
      '5 decky_down mail',
      '15 decky_down web',
    ]);
  });

  test('a crash that is due with it is reported with it', () => {
    const all = {
      web: [[0, 'failed', asked]],
      mail: [[13, 'failed']],
      dns: [[1.5, 'failed', asked]],
    } as const;
    assert.deepEqual(messagesOf(all, { deckies: 5 }), ['15 host_down dns mail web']);
  });

  test('one that changed a moment ago is not reported with others that are overdue', () => {
    const restless = Array.from(
      { length: 11 },
      (_, at): Transition => [at, at % 2 === 0 ? 'degraded' : 'failed'],
    );
    const all = {
      web: restless,
      mail: [
        [9.5, 'failed'],
        [10.5, 'running'],
      ],
    } as const;
    assert.deepEqual(messagesOf(all), ['10 decky_down web']);
  });

  test('a deployment of more deckies that fails is one message, with those that it took down', () => {
    const steps: readonly Transition[] = [
      [0, 'torn_down', asked],
      [4, 'pending'],
      [60, 'torn_down', failedDeployment],
    ];
    const [only, ...more] = sentOf({ web: steps, mail: steps, new: steps.slice(1) }, { deckies: 7 });
    assert.deepEqual(more, []);
    assert.equal(only?.at, 62_000);
    assert.equal(
      only?.text,
      'The deployment of new-01 on host local failed: 3 of 7 deckies are down: mail, new, web',
    );
    assert.deepEqual([only?.state, only?.previous_state, only?.count], ['torn_down', null, 3]);
  });

  test('two deployments that failed are two messages', () => {
    const later: Cause = { ...failedDeployment, deployment: { outcome: 'unfinished', of: 'the state file' } };
    const sent = sentOf({ web: [[0, 'torn_down', failedDeployment]], mail: [[0, 'torn_down', later]] });
    assert.deepEqual(
      sent.map(({ text }) => text),
      [
        'The deployment of new-01 on host local failed: 1 of 10 deckies is down: web torn_down: web',
        'The deployment of the state file on host local did not finish: 1 of 10 deckies is down: mail torn_down: mail',
      ],
    );
  });

  test('services that really stop a minute after a deployment are reported at once', () => {
    const steps: readonly Transition[] = [
      [0, 'degraded', asked],
      [2, 'failed', asked],
      [3, 'pending'],
      [30, 'degraded'],
      [31, 'running'],
      [91, 'degraded'],
    ];
    assert.deepEqual(messagesOf({ web: steps, mail: steps }), ['93 host_down mail web']);
  });
});

describe('flapping', () => {
  /** Down and up in turn, each for so long. */
  const cycles = (times: number, seconds: number): readonly Transition[] =>
    Array.from({ length: times }, (_, at): Transition => [at * seconds, at % 2 === 0 ? 'failed' : 'running']);

  test('is said instead of the fourth message, and how it ended when it is quiet', () => {
    assert.deepEqual(messagesOf({ web: cycles(9, 10) }), [
      '2 decky_down web',
      '12 decky_recovered web',
      '22 decky_down web',
      '32 decky_flapping web',
      '380 decky_down web',
    ]);
  });

  test('is not the steps of five deployments within ten minutes', () => {
    const one: readonly Transition[] = [
      [0, 'degraded', asked],
      [1, 'failed', asked],
      [3, 'pending'],
      [40, 'degraded'],
      [41, 'running'],
    ];
    const all = [0, 1, 2, 3, 4].flatMap((time) =>
      one.map(([seconds, to, cause]): Transition => [time * 100 + seconds, to, cause ?? crash]),
    );
    assert.deepEqual(messagesOf({ web: all }), []);
  });

  test('is not said of changes that each come back within 2 s, with a quiet period between them', () => {
    const blips = Array.from({ length: 10 }, (_, at): readonly Transition[] => [
      [at * 5, 'failed'],
      [at * 5 + 1.9, 'running'],
    ]);
    assert.deepEqual(messagesOf({ web: blips.flat() }), []);
  });

  test('is said of changes that go on without a quiet period', () => {
    assert.deepEqual(messagesOf({ web: cycles(60, 1.5) }), [
      '10 decky_down web',
      '23 decky_recovered web',
      '34 decky_down web',
      '47 decky_flapping web',
      '389 decky_recovered web',
    ]);
  });

  test('does not delay a deployment that failed', () => {
    const transitions: readonly Transition[] = [
      ...cycles(4, 10),
      [60, 'pending'],
      [90, 'failed', failedDeployment],
    ];
    assert.deepEqual(messagesOf({ web: transitions }).slice(3), [
      '32 decky_flapping web',
      '92 deployment_failed web',
    ]);
  });

  test('silences no other decky', () => {
    const both = messagesOf({ web: cycles(9, 10), mail: [[45, 'failed']] });
    assert.ok(both.includes('47 decky_down mail'), both.join());
  });
});

describe('the reason', () => {
  test('is that of the moment the message is sent', () => {
    const steps: readonly Step[] = [
      ...stepsOf('web', [
        [-60, 'running'],
        [0, 'failed', asked],
      ]),
      {
        at: 10_000,
        name: 'web',
        to: 'failed',
        reason: 'ssh: exited, code 137; http: exited, code 0',
        cause: asked,
      },
    ];
    const [only] = play(steps);
    assert.equal(only?.reason, 'ssh: exited, code 137; http: exited, code 0');
    assert.equal(
      only?.text,
      'web on host local is failed (was running): ssh: exited, code 137 (stopped on request); http: exited, code 0',
    );
  });
});
