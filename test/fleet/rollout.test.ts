import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { plan } from '../../src/fleet/plan/plan.ts';
import { portsOff } from '../../src/fleet/plan/ports.ts';
import { fileChangedAt } from '../../src/pass/observe.ts';
import { decky, declared, facts, now, row, seen } from '../harness/facts.ts';
import { all, type Table, Timeline, take } from '../harness/timeline.ts';

const limit = 900;

const unfinished = 'no container; its deployment did not finish';
const three = ['a', 'b', 'c'];
const four = [...three, 'new'];

const tables: Readonly<Record<string, Table>> = {
  'a new fleet from the command line': {
    steps: [
      { at: 0, file: three, rows: 'a pending, b pending, c pending', errors: { a: 'deploying' } },
      { at: 120, rows: 'a pending, b pending, c pending' },
      { at: 130, docker: all(three, 'created'), rows: 'a pending, b pending, c pending' },
      { at: 131, docker: { a: 'up' }, rows: 'a running, b pending, c pending', errors: { a: null } },
      { at: 132, docker: { b: 'up', c: 'up' }, rows: 'a running, b running, c running' },
      { at: 140, docker: { a: 'gone' }, rows: 'a torn_down, b running, c running' },
    ],
  },
  'one more decky, whose container exits': {
    fleet: three,
    steps: [
      { at: 0, file: four, rows: 'a running, b running, c running, new pending' },
      { at: 5, docker: { new: 'created' }, rows: 'a running, b running, c running, new pending' },
      { at: 6, docker: { new: 'exited' }, rows: 'a running, b running, c running, new failed' },
      { at: 7, docker: { new: 'up' }, rows: 'a running, b running, c running, new running' },
      { at: 9, docker: { new: 'gone' }, rows: 'a running, b running, c running, new torn_down' },
    ],
  },
  'one more from the web: the fleet goes down and comes back': {
    fleet: three,
    steps: [
      { at: 0, file: four, rows: 'a running, b running, c running, new pending' },
      { at: 1, reported: { new: 'running' }, rows: 'a running, b running, c running, new pending' },
      { at: 2, docker: { a: 'exited', b: 'removing' }, rows: 'a pending, b pending, c running, new pending' },
      { at: 12, docker: all(three, 'gone'), rows: 'a pending, b pending, c pending, new pending' },
      { at: 90, docker: all(four, 'created'), rows: 'a pending, b pending, c pending, new pending' },
      { at: 92, docker: { a: 'up', b: 'up' }, rows: 'a running, b running, c pending, new pending' },
      // It has run since, so it counts.
      { at: 93, docker: { b: 'exited' }, rows: 'a running, b failed, c pending, new pending' },
      {
        at: 94,
        docker: { b: 'up', c: 'up', new: 'up' },
        rows: 'a running, b running, c running, new running',
      },
      { at: 95, reported: { new: 'succeeded' }, rows: 'a running, b running, c running, new running' },
      {
        at: 100,
        docker: { a: 'gone' },
        rows: 'a torn_down, b running, c running, new running',
        errors: { a: 'no container' },
      },
      { at: 101, docker: all(four, 'gone'), rows: 'a torn_down, b torn_down, c torn_down, new torn_down' },
    ],
  },
  'a second deployment before the first has ended has a time of its own': {
    fleet: three,
    steps: [
      { at: 0, file: three, docker: all(three, 'gone'), rows: 'a pending, b pending, c pending' },
      { at: 50, docker: { a: 'up' }, rows: 'a running, b pending, c pending' },
      { at: 600, file: three, docker: { a: 'gone' }, rows: 'a pending, b pending, c pending' },
      { at: 1000, rows: 'a pending, b pending, c pending' },
      { at: 1499, rows: 'a pending, b pending, c pending' },
      { at: 1500, rows: 'a torn_down, b torn_down, c torn_down', errors: { a: unfinished } },
    ],
  },
  'a second deployment soon after one that was reported as succeeded': {
    fleet: three,
    steps: [
      { at: 0, reported: { a: 'running' }, docker: all(three, 'gone') },
      { at: 50, docker: all(three, 'up'), rows: 'a running, b running, c running' },
      { at: 60, reported: { a: 'succeeded' }, rows: 'a running, b running, c running' },
      { at: 200, file: three, docker: all(three, 'gone'), rows: 'a pending, b pending, c pending' },
      { at: 300, rows: 'a pending, b pending, c pending' },
    ],
  },
  'without rollouts': {
    limit: 0,
    fleet: three,
    steps: [
      { at: 0, file: four, rows: 'a running, b running, c running, new torn_down' },
      {
        at: 1,
        reported: { new: 'running' },
        docker: all(three, 'gone'),
        rows: 'a torn_down, b torn_down, c torn_down, new torn_down',
      },
      { at: 2, reported: { new: 'failed' }, errors: { a: 'no container', new: 'no container' } },
    ],
  },
  'Docker is silent for a while': {
    fleet: three,
    steps: [
      { at: 0, file: four, docker: 'silent', rows: 'a running, b running, c running, new pending' },
      {
        at: 10,
        reported: { new: 'running' },
        docker: 'silent',
        rows: 'a running, b running, c running, new pending',
      },
      { at: 20, docker: all(three, 'gone'), rows: 'a pending, b pending, c pending, new pending' },
      { at: 2000, docker: 'silent', rows: 'a pending, b pending, c pending, new pending' },
      { at: 2001, rows: 'a torn_down, b torn_down, c torn_down, new torn_down', errors: { new: unfinished } },
    ],
  },
  'the fleet is torn down while it is deployed': {
    fleet: three,
    steps: [
      { at: 0, reported: { a: 'running' }, docker: { a: 'gone' }, rows: 'a pending, b running, c running' },
      { at: 10, file: 'absent', docker: { ...all(three, 'gone'), ghost: 'up' }, rows: '' },
      { at: 80, rows: '', undeclared: 'ghost' },
    ],
  },
  'undeclared deckies are listed outside a rollout': {
    fleet: three,
    steps: [
      { at: 0, docker: { ghost: 'up' }, undeclared: '' },
      { at: 61, undeclared: 'ghost' },
      { at: 62, reported: { a: 'running' }, docker: { a: 'gone' }, undeclared: '' },
      { at: 70, reported: { a: 'succeeded' }, docker: { a: 'up' }, undeclared: 'ghost' },
    ],
  },
  'a decky declared again after it was removed': {
    fleet: three,
    steps: [
      { at: 0, file: four, docker: { new: 'up' }, rows: 'a running, b running, c running, new running' },
      { at: 100, file: three, docker: { new: 'gone' }, rows: 'a running, b running, c running' },
      { at: 200, file: four, rows: 'a running, b running, c running, new pending' },
    ],
  },
};

describe('a deployment', () => {
  for (const [what, table] of Object.entries(tables)) test(what, () => take(table));

  test('has names for people', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const timeline = new Timeline(limit, names);
    timeline.step({ at: 0, reported: Object.fromEntries(names.map((name) => [name, 'running'])) });
    assert.equal(timeline.facts.memory.deployments.rollout?.of, 'a, b, c and 2 more');
    const byFile = new Timeline(limit, names);
    byFile.step({ at: 0, file: names, docker: all(names, 'gone') });
    assert.equal(byFile.facts.memory.deployments.rollout?.of, 'the state file');
    byFile.step({ at: 1, reported: { b: 'running' } });
    assert.equal(byFile.facts.memory.deployments.rollout?.of, 'b');
  });

  test('is not concluded from a listing of some deckies', () => {
    const given = facts({
      rolloutSeconds: limit,
      fileChangedAt: now - 1000,
      desired: declared(decky('a'), decky('b')),
      recorded: [row('a'), row('b')],
      only: new Set(['a']),
      observed: { kind: 'ok', containers: [], isWhole: false, now: now / 1000, ports: portsOff },
    });
    assert.equal(plan(given).memory.deployments.rollout, null);
    assert.notEqual(plan({ ...given, observed: seen() }).memory.deployments.rollout, null);
  });
});

describe('the time of the file', () => {
  const changedAt = (at: number | null) => fileChangedAt({ ...declared(), changedAt: at } as never, now);

  test('is measured by the database’s clock', () => {
    const at = changedAt(Date.now() - 60_000);
    assert.ok(Math.abs(at - (now - 60_000)) < 1000, String(at - now));
  });

  test('in the future is none, but for a little', () => {
    assert.equal(changedAt(Date.now() + 3_600_000), 0);
    assert.equal(changedAt(Date.now() + 2000), now);
  });

  test('is unknown', () => {
    assert.equal(changedAt(null), 0);
    assert.equal(fileChangedAt({ kind: 'absent' }, now), 0);
  });
});
