import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  addPass,
  changeKinds,
  eventBounds,
  type Figures,
  figuresFromJson,
  figuresToJson,
  type Histogram,
  noFigures,
  type PassFigures,
  passBounds,
  passResults,
} from '../../src/fleet/figures.ts';
import type { Json } from '../../src/lib/json.ts';
import { fc } from '../harness/property.ts';

const none = { inserted: 0, deleted: 0, state_updated: 0, config_updated: 0 };
const aPass = (more: Partial<PassFigures> = {}): PassFigures => ({
  result: 'ok',
  seconds: 0.02,
  changes: none,
  eventSeconds: null,
  ...more,
});

const count = fc.integer({ min: 0, max: 1000 });
const seconds = fc.double({ min: 0, max: 100, noNaN: true });
const somePass: fc.Arbitrary<PassFigures> = fc.record({
  result: fc.constantFrom(...passResults),
  seconds,
  changes: fc.record({ inserted: count, deleted: count, state_updated: count, config_updated: count }),
  eventSeconds: fc.option(seconds),
});
const somePasses = fc.array(somePass, { maxLength: 40 });
const after = (passes: readonly PassFigures[]): Figures => passes.reduce(addPass, noFigures);
const histograms = ({ passes, eventLatency }: Figures): readonly Histogram[] => [
  ...Object.values(passes),
  eventLatency,
];
/** Figures as the next pass reads them. */
const stored = (figures: Figures): Json => JSON.parse(JSON.stringify(figuresToJson(figures)));

describe('the figures of passes', () => {
  test('a value counts in every bucket that it fits into, its bound included', () => {
    const { ok } = after([0.01, 0.3, 30, 31].map((at) => aPass({ seconds: at }))).passes;
    assert.deepEqual(ok, { buckets: [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3], count: 4, sum: 61.31 });
  });

  test('each pass is counted once, under its result, with what it changed', () => {
    fc.assert(
      fc.property(somePasses, (passes) => {
        const figures = after(passes);
        for (const result of passResults) {
          const those = passes.filter((one) => one.result === result);
          assert.equal(figures.passes[result].count, those.length);
          const sum = those.reduce((all, one) => all + one.seconds, 0);
          assert.ok(Math.abs(figures.passes[result].sum - sum) < 1e-4);
        }
        for (const kind of changeKinds) {
          assert.equal(
            figures.changes[kind],
            passes.reduce((sum, { changes }) => sum + changes[kind], 0),
          );
        }
        assert.equal(
          figures.eventLatency.count,
          passes.filter(({ eventSeconds }) => eventSeconds !== null).length,
        );
      }),
    );
  });

  test('buckets never fall from one bound to the next, and none exceeds the count', () => {
    fc.assert(
      fc.property(somePasses, (passes) => {
        for (const { buckets, count: all } of histograms(after(passes))) {
          for (const [at, bucket] of buckets.entries()) {
            assert.ok(bucket >= (buckets[at - 1] ?? 0) && bucket <= all);
          }
        }
        const { ok } = after(passes).passes;
        for (const [at, bound] of passBounds.entries()) {
          const within = passes.filter((one) => one.result === 'ok' && one.seconds <= bound).length;
          assert.equal(ok.buckets[at], within);
        }
      }),
    );
  });

  test('no pass lowers anything', () => {
    fc.assert(
      fc.property(somePasses, somePass, (passes, next) => {
        const [before, now] = [after(passes), addPass(after(passes), next)];
        for (const [at, histogram] of histograms(now).entries()) {
          const old = histograms(before)[at];
          assert.ok(old !== undefined && histogram.sum >= old.sum && histogram.count >= old.count);
          assert.ok(histogram.buckets.every((bucket, of) => bucket >= (old.buckets[of] ?? 0)));
        }
      }),
    );
  });

  test('a clock that was set back counts as no time at all', () => {
    const { eventLatency } = addPass(noFigures, aPass({ eventSeconds: -3 }));
    assert.deepEqual([eventLatency.buckets[0], eventLatency.count, eventLatency.sum], [1, 1, 0]);
  });
});

describe('figures as the database keeps them', () => {
  test('come back as they went', () => {
    fc.assert(
      fc.property(somePasses, (passes) => {
        assert.deepEqual(figuresFromJson(stored(after(passes))), after(passes));
      }),
    );
  });

  test('that are absent or no figures at all are zeros', () => {
    for (const json of [null, 7, 'x', [], {}, { passes: [], changes: null, event_latency: 'x' }]) {
      assert.deepEqual(figuresFromJson(json), noFigures);
    }
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        assert.deepEqual(figuresFromJson(json as Json), noFigures);
      }),
    );
  });

  const broken: readonly [string, (histogram: Record<string, Json>) => Json][] = [
    ['lacks a bound', ({ buckets, ...rest }) => ({ ...rest, buckets: without(buckets, '0.1') })],
    ['falls', ({ buckets, ...rest }) => ({ ...rest, buckets: { ...(buckets as object), '0.25': 0 } })],
    ['has a bucket above its count', (histogram) => ({ ...histogram, count: 1 })],
    ['has a text for a count', (histogram) => ({ ...histogram, count: '2' })],
    ['has a negative sum', (histogram) => ({ ...histogram, sum: -1 })],
    ['is a list', () => []],
  ];
  for (const [what, spoil] of broken) {
    test(`a histogram that ${what} begins at zero, and the rest stays`, () => {
      const figures = after([
        aPass({ seconds: 0.2, eventSeconds: 0.02, changes: { ...none, inserted: 3 } }),
        aPass({ seconds: 0.02, eventSeconds: 0.02 }),
      ]);
      const json = stored(figures) as { event_latency: Record<string, Json> };
      const read = figuresFromJson({ ...json, event_latency: spoil(json.event_latency) });
      assert.deepEqual(read, { ...figures, eventLatency: noFigures.eventLatency });
    });
  }

  test('count on from a bound that another version did not know of', () => {
    const json = stored(addPass(noFigures, aPass({ eventSeconds: 0.02 }))) as {
      event_latency: { buckets: Record<string, Json> };
    };
    json.event_latency.buckets['7'] = 1;
    assert.equal(figuresFromJson(json).eventLatency.count, 1);
    assert.equal(figuresFromJson(json).eventLatency.buckets.length, eventBounds.length);
  });
});

const without = (json: Json | undefined, key: string): Json =>
  Object.fromEntries(Object.entries(json as Record<string, Json>).filter(([name]) => name !== key));
