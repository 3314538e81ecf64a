import { describe, test } from 'node:test';
import { all, type Table, take } from '../harness/timeline.ts';

const three = ['a', 'b', 'c'];
const four = [...three, 'new'];
const failed = 'no container; its deployment failed';
const unfinished = 'no container; its deployment did not finish';

const tables: Readonly<Record<string, Table>> = {
  'a new fleet that is never there': {
    steps: [
      { at: 0, file: three, rows: 'a pending, b pending, c pending' },
      { at: 899, rows: 'a pending, b pending, c pending' },
      { at: 900, rows: 'a torn_down, b torn_down, c torn_down', errors: { a: unfinished, b: unfinished } },
      { at: 2000, rows: 'a torn_down, b torn_down, c torn_down', errors: { a: unfinished } },
      { at: 2001, docker: all(three, 'up'), rows: 'a running, b running, c running' },
      {
        at: 2002,
        docker: { a: 'gone' },
        rows: 'a torn_down, b running, c running',
        errors: { a: 'no container' },
      },
    ],
  },
  'one more decky that never comes': {
    fleet: three,
    steps: [
      { at: 0, file: four, rows: 'a running, b running, c running, new pending' },
      { at: 300, docker: { a: 'gone' }, rows: 'a torn_down, b running, c running, new pending' },
      {
        at: 901,
        rows: 'a torn_down, b running, c running, new torn_down',
        errors: { a: 'no container', new: unfinished },
      },
    ],
  },
  'a deployment that succeeded though a decky is missing': {
    fleet: three,
    steps: [
      {
        at: 1,
        reported: { c: 'running' },
        docker: all(three, 'gone'),
        rows: 'a pending, b pending, c pending',
      },
      {
        at: 60,
        reported: { c: 'succeeded' },
        docker: { a: 'up', c: 'up' },
        rows: 'a running, b torn_down, c running',
        errors: { b: 'no container' },
      },
    ],
  },
  'a deployment that failed': {
    fleet: three,
    steps: [
      { at: 0, file: four, reported: { new: 'running' } },
      { at: 9, docker: all(three, 'gone'), rows: 'a pending, b pending, c pending, new pending' },
      {
        at: 20,
        reported: { new: 'failed' },
        rows: 'a torn_down, b torn_down, c torn_down, new torn_down',
        errors: { a: failed, new: failed },
      },
      { at: 500, rows: 'a torn_down, b torn_down, c torn_down, new torn_down', errors: { a: failed } },
      // Long after everything about it was forgotten.
      {
        at: 3000,
        docker: { a: 'up' },
        rows: 'a running, b torn_down, c torn_down, new torn_down',
        errors: { b: failed },
      },
      {
        at: 3001,
        docker: { a: 'exited' },
        rows: 'a failed, b torn_down, c torn_down, new torn_down',
        errors: { a: 'ssh: exited, code 1' },
      },
    ],
  },
  'a deployment that failed, though its decky runs': {
    fleet: three,
    steps: [
      { at: 0, file: four, reported: { new: 'running' } },
      { at: 9, docker: { ...all(three, 'gone'), new: 'up' } },
      {
        at: 20,
        reported: { new: 'failed' },
        docker: { a: 'up' },
        rows: 'a running, b torn_down, c torn_down, new running',
        errors: { b: failed, new: null },
      },
    ],
  },
  'a deployment that failed, whose decky has left the file': {
    fleet: three,
    steps: [
      { at: 0, file: four, reported: { new: 'running' } },
      { at: 9, docker: all(three, 'gone'), rows: 'a pending, b pending, c pending, new pending' },
      {
        at: 20,
        file: three,
        reported: { new: 'failed' },
        rows: 'a torn_down, b torn_down, c torn_down',
        errors: { a: failed },
      },
    ],
  },
  'a second deployment after one that failed': {
    fleet: three,
    steps: [
      { at: 0, file: four, reported: { new: 'running' }, docker: all(three, 'gone') },
      { at: 20, reported: { new: 'failed' }, rows: 'a torn_down, b torn_down, c torn_down, new torn_down' },
      {
        at: 100,
        file: four,
        rows: 'a pending, b pending, c pending, new pending',
        errors: { a: 'deploying' },
      },
      { at: 101, reported: { new: 'running' }, rows: 'a pending, b pending, c pending, new pending' },
      { at: 150, docker: all(four, 'up'), rows: 'a running, b running, c running, new running' },
      {
        at: 151,
        reported: { new: 'succeeded' },
        docker: { a: 'gone' },
        rows: 'a torn_down, b running, c running, new running',
        errors: { a: 'no container' },
      },
    ],
  },
  'a deployment that does not finish': {
    fleet: three,
    steps: [
      {
        at: 0,
        reported: { a: 'running' },
        docker: all(three, 'gone'),
        rows: 'a pending, b pending, c pending',
      },
      { at: 400, docker: { a: 'up' }, rows: 'a running, b pending, c pending' },
      { at: 900, rows: 'a running, b torn_down, c torn_down', errors: { b: unfinished } },
      {
        at: 901,
        docker: { a: 'gone' },
        rows: 'a torn_down, b torn_down, c torn_down',
        errors: { a: 'no container' },
      },
    ],
  },
  'a container that exits by itself is a fault after 30 s': {
    fleet: three,
    steps: [
      { at: 0, reported: { a: 'running' }, rows: 'a running, b running, c running' },
      { at: 10, docker: { b: 'exited' }, rows: 'a running, b pending, c running' },
      { at: 39, rows: 'a running, b pending, c running' },
      { at: 40, rows: 'a running, b failed, c running', errors: { b: 'ssh: exited, code 1' } },
    ],
  },
  'other faults are faults while others are deployed': {
    fleet: ['a', 'b', 'c', 'd'],
    steps: [
      {
        at: 0,
        docker: { b: 'unhealthy', c: 'loop', d: 'cut off' },
        rows: 'a running, b degraded, c degraded, d failed',
      },
      {
        at: 1,
        reported: { a: 'running' },
        docker: { a: 'gone' },
        rows: 'a pending, b degraded, c degraded, d failed',
      },
    ],
  },
  'containers vanish without a change of the file': {
    fleet: three,
    steps: [
      {
        at: 0,
        docker: all(three, 'gone'),
        rows: 'a torn_down, b torn_down, c torn_down',
        errors: { a: 'no container' },
      },
    ],
  },
  'containers vanish long after a change of the file': {
    fleet: three,
    steps: [
      { at: 0, file: three, rows: 'a running, b running, c running' },
      { at: 900, docker: all(three, 'gone'), rows: 'a torn_down, b torn_down, c torn_down' },
    ],
  },
  'less than most vanish after a change of the file': {
    fleet: ['a', 'b', 'c', 'd'],
    steps: [
      { at: 0, file: ['a', 'b', 'c', 'd'] },
      { at: 10, docker: { a: 'gone', b: 'gone' }, rows: 'a torn_down, b torn_down, c running, d running' },
      { at: 11, docker: { c: 'exited', d: 'exited' }, rows: 'a torn_down, b torn_down, c failed, d failed' },
    ],
  },
};

describe('a deployment that does not go well, and what is no deployment', () => {
  for (const [what, table] of Object.entries(tables)) test(what, () => take(table));
});
