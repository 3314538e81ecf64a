import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { endsWithin } from '../../src/lib/ends-within.ts';

describe('a wait with a limit', () => {
  test('ends with the answer, the error, or at the limit', async () => {
    assert.equal(await endsWithin(1000, Promise.resolve()), true);
    await assert.rejects(endsWithin(1000, Promise.reject(new Error('refused'))), /refused/);
    assert.equal(await endsWithin(20, new Promise(() => undefined)), false);
  });

  test('what a process missed while it could not run is not over', async () => {
    const other = new Worker(
      `const { parentPort } = require('node:worker_threads');
       parentPort.on('message', (text) => setTimeout(() => parentPort.postMessage(text), 20));`,
      { eval: true },
    );
    await once(other, 'online');
    // As a connection and a question on it: the second goes out when the first is answered.
    const ask = async (): Promise<void> => {
      for (const text of ['connect', 'ask']) {
        other.postMessage(text);
        await once(other, 'message');
      }
    };
    const limitMs = 500;
    const inTime = endsWithin(limitMs, ask());
    const until = performance.now() + 2 * limitMs;
    while (performance.now() < until);
    assert.equal(await inTime, true);
    await other.terminate();
  });
});
