import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { coalescer } from '../../src/worker/coalescer.ts';
import type { TriggerCause } from '../../src/worker/triggers.ts';
import { waitFor } from '../harness/wait.ts';

type Pass = readonly string[] | null;

/** A coalescer whose passes are written down, each with an id of its own. @param enqueue instead of taking all */
function gathering(
  enqueue: (pass: Pass, cause: TriggerCause) => Promise<void> = async () => undefined,
  forgetMs = 60_000,
) {
  const passes: Pass[] = [];
  const coalesced = coalescer(async (deckies, cause) => {
    await enqueue(deckies, cause);
    passes.push(deckies);
    return `job-${passes.length}`;
  }, forgetMs);
  return { passes, coalesced };
}

describe('a burst of triggers', () => {
  const burst = async (count: number) => {
    const { passes, coalesced } = gathering();
    for (let at = 0; at <= count; at++) coalesced.trigger({ kind: 'decky', name: `web-${at}` }, 'docker');
    await waitFor(() => passes.length === 1);
    coalesced.ended('job-1', true);
    await waitFor(() => passes.length === 2);
    coalesced.close();
    return passes;
  };

  test('acts on the first at once, and on the others together', async () => {
    assert.deepEqual(await burst(2), [['web-0'], ['web-1', 'web-2']]);
    assert.equal((await burst(100))[1]?.length, 100);
  });

  test('of more deckies than one pass names becomes one pass of all, and costs no more than its triggers', async () => {
    const from = performance.now();
    assert.deepEqual(await burst(200_000), [['web-0'], null]);
    assert.ok(performance.now() - from < 10_000, `${performance.now() - from} ms`);
  });

  test('does not wait for ever for a pass that another worker ran', async () => {
    const { passes, coalesced } = gathering(undefined, 500);
    coalesced.trigger({ kind: 'decky', name: 'a' }, 'docker');
    coalesced.trigger({ kind: 'decky', name: 'b' }, 'docker');
    await waitFor(() => passes.length === 2, 10_000);
    coalesced.close();
    assert.deepEqual(passes, [['a'], ['b']]);
  });

  test('does not wait for a pass that ended before its id was known', async () => {
    const { passes, coalesced } = gathering();
    coalesced.ended('job-1', true);
    coalesced.trigger({ kind: 'decky', name: 'a' }, 'docker');
    coalesced.trigger({ kind: 'decky', name: 'b' }, 'docker');
    await waitFor(() => passes.length === 2, 1500);
    coalesced.close();
  });
});

describe('what could not be done', () => {
  test('is enqueued again when the queue takes jobs again, with what came meanwhile', async () => {
    let isAway = true;
    const { passes, coalesced } = gathering(async () => {
      if (isAway) throw new Error('away');
    });
    coalesced.trigger({ kind: 'decky', name: 'a' }, 'docker');
    await sleep(100);
    coalesced.trigger({ kind: 'deckies', names: new Set(['b', 'c']) }, 'file');
    isAway = false;
    await waitFor(() => passes.length === 1, 10_000);
    coalesced.close();
    assert.deepEqual(passes[0]?.toSorted(), ['a', 'b', 'c']);
  });

  test('is requeued when its pass failed, and not when it was applied', async () => {
    const { passes, coalesced } = gathering();
    coalesced.trigger({ kind: 'decky', name: 'a' }, 'docker');
    await waitFor(() => passes.length === 1);
    coalesced.ended('job-1', false);
    await waitFor(() => passes.length === 2, 10_000);
    coalesced.ended('job-2', true);
    await sleep(3000);
    coalesced.close();
    assert.deepEqual(passes, [['a'], ['a']]);
  });
});

describe('unlabelled containers', () => {
  const known = { has: (name: string) => name === 'web' };

  test('of a decky that came since the last full pass are looked at', async () => {
    const { passes, coalesced } = gathering();
    coalesced.knows(known);
    coalesced.trigger({ kind: 'containers', names: ['mail-ssh'] }, 'docker');
    await sleep(50);
    assert.deepEqual(passes, []);
    coalesced.trigger({ kind: 'deckies', names: new Set(['mail']) }, 'file');
    await waitFor(() => passes.length === 1);
    coalesced.ended('job-1', true);
    coalesced.trigger({ kind: 'containers', names: ['mail-ssh'] }, 'docker');
    await waitFor(() => passes.length === 2);
    coalesced.close();
    assert.deepEqual(passes, [['mail'], ['mail']]);
  });
});
