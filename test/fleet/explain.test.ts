import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { leftReason } from '../../src/database/memory.ts';
import { hostFaults } from '../../src/fleet/alerts/alert.ts';
import { exitCodeExplanation } from '../../src/fleet/explain/exit-codes.ts';
import { everythingExplained, explain } from '../../src/fleet/explain/explain.ts';
import { reasonKinds } from '../../src/fleet/explain/reasons.ts';
import { endedByKinds } from '../../src/fleet/plan/cause.ts';
import type { Container } from '../../src/fleet/plan/container-match.ts';
import { contested } from '../../src/fleet/plan/contested.ts';
import { explained } from '../../src/fleet/plan/explained.ts';
import type { EngineAnswer, Facts } from '../../src/fleet/plan/facts.ts';
import { plan } from '../../src/fleet/plan/plan.ts';
import { fleetStates } from '../../src/fleet/state.ts';
import { withEnd } from '../../src/fleet/words.ts';
import { errorCodes } from '../../src/lib/errors.ts';
import { didYouMean, nearest } from '../../src/lib/similar.ts';
import {
  absent,
  container,
  decky,
  declared,
  facts,
  invalid,
  now,
  othersRow,
  row,
  seen,
  unreachable,
} from '../harness/facts.ts';
import { referenceFile, referenceText } from '../harness/reference.ts';

const declares = (services: readonly string[]): Partial<Facts> => ({
  desired: declared(decky('web', services)),
  recorded: [row('web', { services })],
});
const base = container('web');
const ssh = (more: Parameters<typeof container>[1] = {}) =>
  container('web-ssh', { decky: 'web', service: 'ssh', ...more });

/** The reasons that a pass over these facts writes or keeps. */
function reasonsOf(given: Partial<Facts>): readonly string[] {
  const { changes, held } = plan(facts(given));
  return [...changes, ...held].map(({ reason }) => reason);
}

const whileSeen = (...containers: readonly Container[]): Partial<Facts> => ({
  ...declares(['ssh']),
  observed: seen(...containers),
});

const listening: EngineAnswer = (() => {
  const answer = seen(base, ssh({ network: 'shared', owner: 'web', ageSeconds: 3600 }));
  return answer.kind === 'ok'
    ? { ...answer, ports: { kind: 'checked', byBase: new Map([['web', new Set<never>()]]) } }
    : answer;
})();

const down = { state: 'failed', reason: 'ssh: exited, code 1', cause: null, doubt: 'none' } as const;
const by = { name: 'web', services: ['ssh'], covered: null, endings: new Map() };

/** Every reason that the code can write, made by that code. */
function producedReasons(): readonly string[] {
  const states = ['exited', 'dead', 'created', 'paused', 'restarting', 'removing'];
  const silentSince = new Map([['ssh', { since: now - 60_000, isConfirmed: false }]]);
  return [
    ...states.flatMap((state) => reasonsOf(whileSeen(base, ssh({ state })))),
    ...reasonsOf(whileSeen()),
    ...reasonsOf(whileSeen(base, ssh({ unhealthy: true }))),
    ...reasonsOf(whileSeen(base, ssh({ loop: { kind: 'loop', endsIn: null } }))),
    ...reasonsOf(whileSeen(base, ssh({ network: 'cut off', owner: 'web' }))),
    ...reasonsOf(whileSeen(base, ssh({ state: 'exited', exitCode: 128, startedBeforeBase: true }))),
    ...reasonsOf(
      whileSeen(base, ssh({ state: 'exited' }), container('web-ftp', { decky: 'web', service: 'ftp' })),
    ),
    ...reasonsOf({
      ...declares(['ssh']),
      observed: listening,
      memory: { ...facts({}).memory, silent: new Map([['web', silentSince]]) },
    }),
    ...reasonsOf({ ...whileSeen(base, ssh()), recorded: [row('web', { state: 'failed' })] }),
    ...reasonsOf({ desired: declared(decky('web')), recorded: [], observed: unreachable }),
    ...reasonsOf({ desired: declared(decky('web')), recorded: [], observed: seen(base, ssh()) }),
    ...reasonsOf({ ...whileSeen(base, ssh()), recorded: [row('web', { ip: '192.0.2.99' })] }),
    ...reasonsOf({
      ...declares(['ssh']),
      observed: seen(
        base,
        container('web-ftp', { decky: 'web', service: 'ftp', network: 'shared', owner: 'web' }),
      ),
    }),
    ...reasonsOf({ desired: declared(decky('mail')), recorded: [row('web')], observed: seen() }),
    ...reasonsOf({ desired: absent, recorded: [row('web')], observed: seen() }),
    ...reasonsOf({ desired: absent, recorded: [row('web')], observed: unreachable }),
    ...reasonsOf({ desired: absent, recorded: [row('web')], observed: seen(base, ssh()) }),
    ...reasonsOf({ desired: declared(), recorded: [row('web')], observed: seen(base, ssh()) }),
    ...reasonsOf({ desired: absent, recorded: [othersRow('web', 10)], observed: seen(), graceSeconds: 300 }),
    ...reasonsOf({ desired: invalid, recorded: [row('web')], observed: seen() }),
    ...(['failed', 'unfinished'] as const).map(
      (outcome) => explained(down, { ...by, broken: { outcome, of: 'web' } }).reason ?? '',
    ),
    explained(down, { ...by, broken: null, covered: { recheckMs: 1 } as never }).reason ?? '',
    ...endedByKinds.map((ended) => withEnd('ssh: exited, code 137', ended)),
    ...[null, 'running' as const].flatMap((state) => [
      ...contested(
        [1, 2, 3, 4].map((at) => ({ name: 'web', from: state, to: 'failed' as const, at: now + at })),
        now,
      ).values(),
    ]),
    leftReason,
    'by another program',
  ];
}

describe('what is explained', () => {
  test('every state, every error code, and what a host can be', () => {
    const namesOf = (kind: string) =>
      everythingExplained.filter((one) => one.kind === kind).map(({ name }) => name);
    assert.deepEqual(namesOf('state'), fleetStates);
    assert.deepEqual(namesOf('error code'), errorCodes);
    for (const fault of hostFaults) assert.ok(namesOf('condition').includes(fault), fault);
    for (const { name, meaning, advice } of everythingExplained) {
      assert.match(meaning, /^[A-Z].*\.$/, name);
      assert.match(advice, /\S{2}.*[.)]$/, name);
    }
    const names = everythingExplained.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
  });

  test('every reason that passes write, and no reason that none writes', () => {
    const reasons = producedReasons();
    assert.deepEqual(
      reasons.filter((reason) => explain(reason).length === 0),
      [],
    );
    assert.deepEqual(
      reasonKinds
        .filter(({ phrase }) => !reasons.some((reason) => phrase.test(reason)))
        .map(({ name }) => name),
      [],
    );
  });

  test('every number that a process can end with, and no other', () => {
    for (let code = 0; code <= 255; code += 1) assert.ok(exitCodeExplanation(code), String(code));
    for (const code of [-1, 256, 1.5, Number.NaN]) assert.equal(exitCodeExplanation(code), null);
    assert.match(explain('137')[0]?.meaning ?? '', /SIGKILL/);
    assert.match(explain('163')[0]?.meaning ?? '', /^Signal 35 ended it\.$/);
    assert.match(explain('78')[0]?.meaning ?? '', /defined by the program/);
    assert.deepEqual(explain('999'), []);
  });

  test('names are found in any case, with hyphens, underscores or spaces', () => {
    for (const text of ['torn_down', 'Torn-Down', ' torn  down '])
      assert.deepEqual(
        explain(text).map(({ name }) => name),
        ['torn_down'],
      );
    assert.deepEqual(
      explain('schema missing').map(({ name }) => name),
      ['SCHEMA_MISSING'],
    );
  });

  test('a whole reason is explained part by part', () => {
    assert.deepEqual(
      explain('ssh: exited, code 139 (crashed); http: no container; its deployment failed').map(
        ({ name }) => name,
      ),
      ['no container', 'exited', 'its deployment failed', '139'],
    );
  });

  test('what is not a word of the product is not explained', () => {
    for (const text of ['', 'nonsense', 'a decky called dead-end', 'x'.repeat(10_000), 'no'])
      assert.deepEqual(explain(text), [], text.slice(0, 20));
  });
});

describe('a near miss', () => {
  const known = ['running', 'degraded', 'failed', 'torn_down'];
  test('is the closest known word', () => {
    for (const [typed, meant] of [
      ['runing', 'running'],
      ['RUNNING', 'running'],
      ['rnuning', 'running'],
      ['faild', 'failed'],
      ['torndown', 'torn_down'],
      ['broken', null],
      ['', null],
      ['x'.repeat(100_000), null],
    ] as const)
      assert.equal(nearest(typed, known), meant, typed.slice(0, 20));
    assert.equal(didYouMean('runing', known), 'Did you mean running? ');
    assert.equal(didYouMean('nonsense', known), '');
  });
});

test('the page of the documents has all of it, as the code does', () => {
  assert.equal(readFileSync(referenceFile, 'utf8'), referenceText(), 'run `npm run reference`');
  for (const { name } of everythingExplained) assert.ok(referenceText().includes(`\n| \`${name}\` | `), name);
});
