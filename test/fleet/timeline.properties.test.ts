import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lifecycleStatuses } from '../../src/fleet/plan/explanations.ts';
import { plan } from '../../src/fleet/plan/plan.ts';
import { planHost } from '../../src/pass/plan-host.ts';
import { fc } from '../harness/property.ts';
import { type Shown, type Step, shownKinds, Timeline } from '../harness/timeline.ts';

const names = ['a', 'b', 'c', 'd'];
const limit = 600;

const shown = fc.constantFrom<Shown>(...shownKinds);
const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4 });
const everything = shown.map((one) => Object.fromEntries(names.map((name) => [name, one])));

const wait = fc.constantFrom(0.25, 1, 7, 30, 61, 200, 599, 601);
const step = fc.record(
  {
    wait,
    file: fc.oneof(
      { weight: 6, arbitrary: fc.subarray(names, { minLength: 1 }) },
      { weight: 1, arbitrary: fc.constantFrom('absent' as const, 'invalid' as const, []) },
    ),
    docker: fc.oneof(
      { weight: 5, arbitrary: some(shown) },
      { weight: 3, arbitrary: everything },
      { weight: 1, arbitrary: fc.constant('silent' as const) },
    ),
    reported: some(fc.constantFrom(...lifecycleStatuses)),
  },
  { requiredKeys: ['wait'] },
);
const steps = fc.array(step, { minLength: 1, maxLength: 12 }).map((all) =>
  all.map(
    ({ wait: _, ...rest }, index): Step => ({
      ...rest,
      at: all.slice(0, index + 1).reduce((sum, one) => sum + one.wait, 0),
    }),
  ),
);

/** Takes the steps; each one checks what holds of any. */
function after(taken: readonly Step[]): { readonly timeline: Timeline; readonly at: number } {
  const timeline = new Timeline(limit, ['a', 'b']);
  for (const one of taken) timeline.step(one);
  return { timeline, at: taken.at(-1)?.at ?? 0 };
}

describe('for any host over time', () => {
  test('a second pass changes nothing, a pass over one decky decides the same, and no wait is longer than the limit', () => {
    fc.assert(
      fc.property(steps, (taken) => void after(taken)),
      { numRuns: 1000 },
    );
  });

  test('no deployment lasts longer than its limit', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const { timeline, at } = after(taken);
        timeline.step({ at: at + limit, file: names, fileTime: at });
        const { recorded, memory } = timeline.facts;
        assert.deepEqual(
          recorded.filter(({ state }) => state === 'pending'),
          [],
        );
        const { rollout, neverRan } = memory.deployments;
        assert.deepEqual([rollout, neverRan.size], [null, 0]);
      }),
      { numRuns: 1000 },
    );
  });

  test('a decky is only pending while the limit allows it, and what runs is never pending', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const timeline = new Timeline(limit, ['a', 'b']);
        let lastReportAt = Number.NEGATIVE_INFINITY;
        const is = new Map<string, Shown>();
        for (const one of taken) {
          if (one.file !== undefined || one.reported !== undefined) lastReportAt = one.at;
          const docker = one.docker === 'silent' ? {} : (one.docker ?? {});
          for (const [name, what] of Object.entries(docker)) is.set(name, what);
          timeline.step(one);
          const isSeen = one.docker !== 'silent' && timeline.facts.desired.kind === 'declared';
          for (const { name, state } of isSeen ? timeline.facts.recorded : []) {
            if (state !== 'pending') continue;
            assert.ok(one.at - lastReportAt < limit, `${name} at ${one.at}`);
            assert.notEqual(is.get(name), 'up', `${name} at ${one.at}`);
            assert.notEqual(is.get(name), 'cut off', `${name} at ${one.at}`);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('a plan in slices is the same', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const { timeline } = after(taken);
        for (const only of [null, new Set(['a'])]) {
          const given = { ...timeline.facts, only, now: timeline.facts.now + 1000 };
          assert.deepEqual(await planHost(given), plan(given));
        }
      }),
      { numRuns: 200 },
    );
  });
});
