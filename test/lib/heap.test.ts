import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { releaseWhileIdle } from '../../src/lib/heap.ts';
import { waitFor } from '../harness/wait.ts';

/** Keeps the event loop busy for half of the time. */
async function work(ms: number): Promise<void> {
  const until = performance.now() + ms;
  while (performance.now() < until) {
    const busyUntil = performance.now() + 10;
    while (performance.now() < busyUntil);
    await sleep(10);
  }
}

describe('memory that is no longer needed', () => {
  test('is given back after the start, and again while the process is idle', async () => {
    let released = 0;
    releaseWhileIdle({ startMs: 1, everyMs: 200 }, () => {
      released += 1;
    });
    await waitFor(() => released >= 3);
  });

  test('is kept while the process works', async () => {
    let released = 0;
    releaseWhileIdle({ startMs: 1, everyMs: 300 }, () => {
      released += 1;
    });
    await work(1000);
    assert.equal(released, 1, 'only after the start');
  });
});
