import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RequestedEnd, stoppedWithEngine } from '../../src/fleet/plan/engine-stop.ts';

/** `a 1-2 15`: a was asked at second 1 with signal 15, and ended at second 2. Without an end: `a 1 15`. */
function ofText(text: string): readonly RequestedEnd[] {
  return text.split(', ').map((one) => {
    const [, name = '', asked, ended, signal] =
      /^(\w+) ([\d.]+)(?:-([\d.]+))?(?: (\d+))?$/.exec(one) ?? assert.fail(one);
    return {
      name,
      askedAt: Number(asked),
      endedAt: ended === undefined ? null : Number(ended),
      signal: signal === undefined ? null : Number(signal),
    };
  });
}

describe('the containers that Docker stopped with itself', () => {
  for (const [what, requested, expected] of [
    ['all of one moment', 'a 1.00-1.04 15, b 1.01-1.05 15, c 1.02-11 15', 'a b c'],
    ['in any order', 'b 1.01-1.05 15, a 1.00-1.04 15', 'a b'],
    ['of a slow host', 'a 1.0-1.1 15, b 1.4-3.0 15, c 1.8-3.1 15, d 2.2-3.2 15', 'b c d'],
    ['that has not said that all ended', 'a 1.0 15, b 1.2 15', 'a b'],
    ['with another signal', 'a 1.0-1.1 28, b 1.0-1.1 15, c 1.0-1.1', 'a b c'],
    ['not what docker kill ended', 'a 1.0-1.1 9, b 1.0-1.1 15', 'b'],
    ['not what somebody stopped before', 'a 1.0-1.1 15, b 1.2-1.3 15', 'b'],
    ['not what somebody stops since long', 'a 1.0-11 15, b 9.0-9.1 15', 'b'],
  ] as const)
    test(what, () => assert.equal(stoppedWithEngine(ofText(requested), 1).join(' '), expected));

  test('are none when the stream ends long after the last event', () =>
    assert.deepEqual(stoppedWithEngine(ofText('a 1.0-1.1 15'), 6), []));
  test('are none of nothing', () => assert.deepEqual(stoppedWithEngine([], 0), []));
});
