import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { planInSteps } from '../../src/fleet/plan/plan.ts';
import { inSlices } from '../../src/lib/slices.ts';
import type { Steps } from '../../src/lib/steps.ts';
import { parseStateFileInSteps } from '../../src/state-file/parse.ts';
import { decky, declared, facts, row, serviceOf } from '../support/facts.ts';

/** Keeps the process busy for so long. */
function* busy(milliseconds: number): Steps<string> {
  for (const until = performance.now() + milliseconds; performance.now() < until; ) yield;
  return 'done';
}

describe('long work', () => {
  test('lets others have their turn', async () => {
    let turns = 0;
    let isOver = false;
    const others = (async () => {
      while (!isOver) {
        await setImmediate();
        turns += 1;
      }
    })();
    assert.equal(await inSlices(busy(200)), 'done');
    isOver = true;
    await others;
    assert.ok(turns >= 5, `${turns} turns`);
  });

  test('that fails rejects', async () => {
    const failing = function* (): Steps<never> {
      yield;
      throw new Error('half-way');
    };
    await assert.rejects(inSlices(failing()), /half-way/);
  });

  const names = Array.from({ length: 2_000 }, (_, at) => `decky-${at}`);
  test('of a plan and of a state file has steps', () => {
    const deckies = names.map((name) => decky(name));
    const planned = planInSteps(
      facts({
        desired: declared(...deckies),
        recorded: names.map((name) => row(name)),
        observed: { kind: 'ok', containers: names.map((name) => serviceOf(name, 'ssh')) },
      }),
    );
    assert.ok([...planned].length >= 10);
    const text = JSON.stringify({ config: { deckies: deckies.map(({ config }) => config) } });
    assert.ok([...parseStateFileInSteps(Buffer.from(text), '/x', 'local')].length >= 5);
  });
});
