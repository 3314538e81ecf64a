import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type OutageLog, outageLog, problemChanges } from '../../src/lib/outage-log.ts';

describe('an outage', () => {
  const watched = () => {
    const lines: string[] = [];
    const outage = outageLog(
      (cause) => lines.push(`down: ${cause}`),
      () => lines.push('up'),
    );
    return { lines, outage };
  };

  test('is reported once when it begins, with the first cause, and once when it ends', () => {
    const { lines, outage } = watched();
    outage.failed('no route');
    outage.failed('refused');
    outage.works();
    outage.works();
    assert.deepEqual(lines, ['down: no route', 'up']);
  });

  test('is reported again after it has ended', () => {
    const { lines, outage } = watched();
    for (const cause of ['a', 'b']) {
      outage.failed(cause);
      outage.works();
    }
    assert.deepEqual(lines, ['down: a', 'up', 'down: b', 'up']);
  });

  test('that never began does not end', () => {
    const { lines, outage } = watched();
    outage.works();
    assert.deepEqual(lines, []);
    assert.equal(outage.isDown(), false);
  });

  test('has begun or ended before it is reported', () => {
    const states: boolean[] = [];
    const outage: OutageLog<unknown> = outageLog(
      () => states.push(outage.isDown()),
      () => states.push(outage.isDown()),
    );
    outage.failed('away');
    outage.works();
    assert.deepEqual(states, [true, false]);
  });

  test('needs no report of its end', () => {
    const causes: unknown[] = [];
    const outage = outageLog((cause) => causes.push(cause));
    outage.failed(1);
    outage.works();
    outage.failed(2);
    assert.deepEqual(causes, [1, 2]);
  });
});

describe('several problems', () => {
  test('each begins and ends once, whatever the others do', () => {
    const changes = problemChanges((problem: string) => problem);
    assert.deepEqual(changes(['a', 'b']), { began: ['a', 'b'], ended: [] });
    assert.deepEqual(changes(['b', 'c']), { began: ['c'], ended: ['a'] });
    assert.deepEqual(changes(['c', 'b']), { began: [], ended: [] });
    assert.deepEqual(changes([]), { began: [], ended: ['c', 'b'] });
    assert.deepEqual(changes(['a']), { began: ['a'], ended: [] });
  });

  test('a problem with another reason is the same if its name is', () => {
    const changes = problemChanges(({ name }: { name: string; reason: string }) => name);
    assert.equal(changes([{ name: 'queue', reason: 'refused' }]).began.length, 1);
    assert.deepEqual(changes([{ name: 'queue', reason: 'timeout' }]), { began: [], ended: [] });
    assert.deepEqual(changes([]), { began: [], ended: ['queue'] });
  });
});
