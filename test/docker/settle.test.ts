import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { settler } from '../../src/docker/settle.ts';
import type { Trigger } from '../../src/worker/triggers.ts';
import { waitFor } from '../harness/wait.ts';

const decky = (name: string): Trigger => ({ kind: 'decky', name });
const containers = (...names: readonly string[]): Trigger => ({ kind: 'containers', names });
const everything: Trigger = { kind: 'everything' };

/** Inspections that end on demand. */
function engine() {
  const running: { readonly id: string; readonly end: () => void }[] = [];
  return {
    running,
    inspect: (id: string) =>
      new Promise<void>((done) => {
        running.push({ id, end: done });
      }),
    ids: () => running.map(({ id }) => id),
    /** The oldest one. */
    endOne: async () => {
      running.shift()?.end();
      await sleep(1);
    },
    endAll: async () => {
      for (; running.length > 0; await sleep(1)) running.shift()?.end();
    },
  };
}

const limits = { settleConcurrency: 2, settleWaiting: 3, askMs: 200 };

describe('an event is passed on', () => {
  test('when the inspection of its container has ended, with limited concurrency', async () => {
    const [triggers, { inspect, endOne, endAll, ids }] = [[] as Trigger[], engine()];
    const settling = settler(inspect, (trigger) => triggers.push(trigger), limits);
    for (const name of ['a', 'b', 'c', 'd']) settling.event(name, decky(name));
    assert.deepEqual(ids(), ['a', 'b']);
    assert.deepEqual(triggers, []);
    await endOne();
    assert.deepEqual(ids(), ['b', 'c']);
    assert.deepEqual(triggers, [decky('a')]);
    await endAll();
    assert.deepEqual(triggers, ['a', 'b', 'c', 'd'].map(decky));
  });

  test('after another inspection, if one had begun before the event', async () => {
    const [triggers, { inspect, endOne, ids }] = [[] as Trigger[], engine()];
    const settling = settler(inspect, (trigger) => triggers.push(trigger), limits);
    settling.event('a', containers('web'));
    settling.event('a', containers('mail', 'web'));
    settling.event('a', containers('ftp'));
    assert.deepEqual(ids(), ['a']);
    await endOne();
    assert.deepEqual(triggers, [containers('web')]);
    assert.deepEqual(ids(), ['a']);
    await endOne();
    assert.deepEqual(triggers, [containers('web'), containers('mail', 'web', 'ftp')]);
    assert.deepEqual(ids(), []);
  });

  test('as everything, once, when too many wait, and only after the time limit of an inspection', async () => {
    const [triggers, { inspect, endAll }] = [[] as Trigger[], engine()];
    const settling = settler(inspect, (trigger) => triggers.push(trigger), limits);
    const from = performance.now();
    // Two are inspected, three wait, and the sixth exceeds the limit.
    for (let at = 0; at < 6; at++) settling.event(`${at}`, decky(`${at}`));
    await endAll();
    assert.deepEqual(triggers, [decky('0'), decky('1')]);
    settling.event('later', decky('later'));
    await endAll();
    assert.deepEqual(triggers.at(-1), decky('later'), 'what comes after it is passed on as ever');
    await waitFor(() => triggers.some(({ kind }) => kind === 'everything'));
    assert.ok(performance.now() - from >= 190);
    await sleep(300);
    assert.equal(triggers.filter(({ kind }) => kind === 'everything').length, 1);
  });

  test('as everything once more, when others were dropped in the meantime', async () => {
    const [triggers, { inspect }] = [[] as Trigger[], engine()];
    const settling = settler(inspect, (trigger) => triggers.push(trigger), limits);
    for (let at = 0; at < 1000; at++) settling.event(`${at}`, decky(`${at}`));
    await waitFor(() => triggers.length >= 2);
    await sleep(500);
    assert.deepEqual(triggers, [everything, everything]);
  });

  test('as everything, when one container had too many names', async () => {
    const [triggers, { inspect }] = [[] as Trigger[], engine()];
    const settling = settler(inspect, (trigger) => triggers.push(trigger), limits);
    for (let at = 0; at < 100; at++) settling.event('a', containers(`web-${at}`));
    await waitFor(() => triggers.some(({ kind }) => kind === 'everything'));
  });

  test('not at all after closing', async () => {
    const [triggers, { inspect, endAll }] = [[] as Trigger[], engine()];
    const settling = settler(inspect, (trigger) => triggers.push(trigger), limits);
    for (let at = 0; at < 6; at++) settling.event(`${at}`, decky(`${at}`));
    settling.event('last', decky('last'));
    settling.close();
    await endAll();
    await sleep(400);
    assert.deepEqual(triggers, [decky('0'), decky('1')]);
  });
});
