import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { day } from '../../examples/day/steps.ts';
import { noEngine } from '../harness/docker.ts';
import { noStore, stores, testStore } from '../harness/stores.ts';
import { playDay } from './player.ts';

/** Seconds for which a row may differ from the truth. The aim is 0.5; a machine that runs other tests gets five times that. */
const untruthAtMost = 2.5;

// Each kind has an engine and a product of its own, and mostly waits.
describe('a day on a DECNET host', { skip: noEngine, concurrency: true }, () => {
  for (const kind of stores)
    test(`queues on ${kind}: rows are true, and people get the right messages`, {
      skip: noStore(kind),
    }, async () => {
      const store = await testStore(kind);
      try {
        const { verdicts, goesOn, output } = await playDay(day, store.env);
        assert.equal(verdicts.length, day.length);
        const faults = verdicts.flatMap(({ step, untruth, wrong, left, unwanted, missing }) => [
          ...(untruth > untruthAtMost ? [`${step}: wrong for ${untruth} s: ${wrong}`] : []),
          ...left.map((one) => `${step}: at its end ${one}`),
          ...unwanted.map((one) => `${step}: false message ${one}`),
          ...missing.map((one) => `${step}: missing message ${one}`),
        ]);
        assert.deepEqual(faults, [], output);
        assert.ok(goesOn, 'the dashboard ended with the worker');
      } finally {
        await store.drop();
      }
    });
});
