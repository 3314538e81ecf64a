import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { degraded, failed, none, running, type Step } from '../../examples/day/day.ts';
import { type Action, judge, type Played, type Recorded, type Said, type StepVerdict } from './judge.ts';

const step = (name: string, messages: readonly string[] = []): Step => ({
  ...{ name, what: '', look: '', before: '', messages },
  play: async () => undefined,
});
const played = (name: string, from: number, to: number, messages?: readonly string[]): Played => ({
  ...{ step: step(name, messages), from, to },
});
const row = (at: number, state: string, error: string | null = null, services = ['ssh']): Said => ({
  at,
  row: { state, error, services },
});
const deploys: Action = { step: 'deploy', from: 1000, to: 1100, truths: { web: running() }, through: [] };
const dies: Action = {
  step: 'kill',
  from: 5000,
  to: 5200,
  truths: { web: degraded('137') },
  through: [failed()],
};

const judged = (more: Partial<Recorded>): readonly StepVerdict[] =>
  judge({
    steps: [played('deploy', 1000, 5000), played('kill', 5000, 9000)],
    actions: [deploys, dies],
    events: [{ at: 5050, container: 'web-ssh' }],
    said: new Map([['web', [row(1100, 'running'), row(5050, 'degraded', 'ssh: exited, code 137')]]]),
    messages: [],
    ...more,
  });

describe('what is judged of a day', () => {
  test('rows that follow at once are true', () => {
    assert.deepEqual(
      judged({}).map(({ untruth, wrong, left }) => ({ untruth, wrong, left })),
      Array(2).fill({ untruth: 0, wrong: null, left: [] }),
    );
  });

  test('a row is wrong from the last event of its containers until it says the truth', () => {
    const said = new Map([['web', [row(1100, 'running'), row(5350, 'degraded', 'ssh: exited, code 137')]]]);
    assert.deepEqual(
      judged({ said }).map(({ untruth, wrong }) => [untruth, wrong]),
      [
        [0, null],
        [0.3, 'web: running  [ssh]'],
      ],
    );
  });

  test('a row that never says the truth, or says it for another reason, is wrong until the end', () => {
    const said = new Map([['web', [row(1100, 'running'), row(5050, 'degraded', 'no container')]]]);
    const [, kill] = judged({ said });
    assert.equal(kill?.untruth, 3.95);
    assert.deepEqual(kill.left, ['web: degraded no container [ssh]']);
  });

  test('what may be said in between is true only during the action', () => {
    const said = (until: number): Recorded['said'] =>
      new Map([['web', [row(1100, 'running'), row(5010, 'failed'), row(until, 'degraded', 'ssh: 137')]]]);
    assert.equal(judged({ said: said(5050) })[1]?.untruth, 0);
    assert.equal(judged({ said: said(5150) })[1]?.untruth, 0.1);
  });

  test('before an event, the truth after it is false', () => {
    const said = new Map([['web', [row(1100, 'running'), row(4000, 'degraded', '137')]]]);
    assert.equal(judged({ said })[0]?.untruth, 1);
    assert.equal(judged({ said })[1]?.untruth, 0.05);
  });

  test('what a step says about later counts for that step, and from then on', () => {
    const later: Action = { step: 'deploy', from: 7000, to: 7000, truths: { web: failed() }, through: [] };
    const said = new Map([['web', [row(1100, 'running'), row(7400, 'failed')]]]);
    const [deploy, kill] = judged({ actions: [later, deploys], events: [], said });
    assert.deepEqual([deploy?.untruth, kill?.untruth], [0.4, 0]);
  });

  test('a row that should not be there, and one that should', () => {
    const actions = [deploys, { ...dies, truths: { web: none } }];
    const gone: Said = { at: 5200, row: null };
    const events: Recorded['events'] = [];
    const there = new Map([['web', [row(1100, 'running')]]]);
    assert.equal(judged({ actions, events, said: there })[1]?.untruth, 3.8);
    assert.equal(
      judged({ actions, events, said: new Map([['web', [row(1100, 'running'), gone]]]) })[1]?.untruth,
      0,
    );
    assert.equal(judged({ said: new Map() })[0]?.untruth, 3.9);
  });

  test('services are compared without their order', () => {
    const actions = [{ ...deploys, truths: { web: running('ssh', 'ftp') } }];
    const said = (services: string[]): Recorded['said'] =>
      new Map([['web', [row(1100, 'running', null, services)]]]);
    assert.equal(judged({ actions, said: said(['ftp', 'ssh']) })[0]?.untruth, 0);
    assert.equal(judged({ actions, said: said(['ftp']) })[0]?.untruth, 7.9);
  });

  test('messages: a wanted one may come later, each counts once, another one is false', () => {
    const steps = [
      played('deploy', 1000, 5000),
      played('kill', 5000, 9000, ['decky_down web']),
      played('stop', 9000, 12_000, ['decky_down mail']),
    ];
    const down = (at: number) => ({ at, text: 'decky_down web', names: [] });
    const [deploy, kill, stop] = judged({
      steps,
      messages: [{ at: 3000, text: 'host_down', names: ['web', 'mail'] }, down(9500), down(9600)],
    });
    assert.deepEqual([deploy?.unwanted, deploy?.missing], [['host_down (web, mail)'], []]);
    assert.deepEqual([kill?.unwanted, kill?.missing], [[], []]);
    assert.deepEqual([stop?.unwanted, stop?.missing], [['decky_down web'], ['decky_down mail']]);
  });
});
