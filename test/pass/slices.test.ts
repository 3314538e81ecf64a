import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { plan } from '../../src/fleet/plan/plan.ts';
import { forEachInSlices } from '../../src/lib/slices.ts';
import { planHost } from '../../src/pass/plan-host.ts';
import { decky, declared, facts, row, seen, serviceOf } from '../harness/facts.ts';

/** Keeps the process busy for so long. */
function block(milliseconds: number): void {
  for (const until = performance.now() + milliseconds; performance.now() < until; );
}

describe('long work', () => {
  test('visits all items in order and lets the event loop run meanwhile', async () => {
    let loops = 0;
    let isOver = false;
    const others = (async () => {
      while (!isOver) {
        await setImmediate();
        loops += 1;
      }
    })();
    const items = Array.from({ length: 200 }, (_, at) => `item ${at}`);
    const visited: string[] = [];
    await forEachInSlices(items, (item, at) => {
      assert.equal(item, items[at]);
      visited.push(item);
      block(1);
    });
    isOver = true;
    await others;
    assert.deepEqual(visited, items);
    assert.ok(loops >= 5, `${loops} loops`);
  });

  test('that fails rejects', async () => {
    await assert.rejects(
      forEachInSlices([1, 2], (item) => {
        if (item === 2) throw new Error('half-way');
      }),
      /half-way/,
    );
  });

  test('of a plan decides what the plan in one go decides', async () => {
    const names = Array.from({ length: 2_000 }, (_, at) => `decky-${at}`);
    const given = facts({
      desired: declared(...names.slice(0, 1_500).map((name) => decky(name))),
      recorded: names.slice(500).map((name) => row(name)),
      observed: seen(...names.filter((_, at) => at % 3 > 0).map((name) => serviceOf(name, 'ssh'))),
    });
    const decided = await planHost(given);
    assert.deepEqual(decided, plan(given));
    assert.equal(decided.changes.filter(({ action }) => action === 'insert').length, 500);
    assert.equal(decided.changes.filter(({ action }) => action === 'delete').length, 500);
  });
});
