import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hungBecause, progressLimits } from '../../src/fleet/progress.ts';

const idle = { runningMs: null, waitingMs: null, silentMs: null };

describe('whether a process is hung', () => {
  for (const [progress, reason] of [
    [idle, null],
    [{ ...idle, runningMs: progressLimits.runningMs }, null],
    [{ ...idle, runningMs: 901_000 }, 'the work in progress does not end for 901 s'],
    [{ ...idle, waitingMs: progressLimits.waitingMs }, null],
    [{ ...idle, waitingMs: 181_000 }, 'jobs wait in the queue, and none is taken for 181 s'],
    [{ ...idle, silentMs: progressLimits.silentMs }, null],
    [{ ...idle, silentMs: 61_000 }, 'the pages do not answer for 61 s'],
  ] as const)
    test(`${JSON.stringify(progress)}: ${reason ?? 'no'}`, () => assert.equal(hungBecause(progress), reason));

  test('the slowest correct pass is not hung', () =>
    // A listing may take 510 s. @see CONTRACT.md, "Rules of a pass"
    assert.ok(progressLimits.runningMs > 510_000));
});
