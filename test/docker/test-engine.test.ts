import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noEngine, testEngine } from '../harness/docker.ts';

test('an engine of the tests that has locked itself up is started anew, and is empty', {
  skip: noEngine,
}, async () => {
  const engine = await testEngine();
  const names = async () =>
    (await engine.docker.listContainers({ all: true })).flatMap(({ Names }) => Names).toSorted();
  try {
    await engine.makeDecky('web', ['ssh', 'http']);
    const { pid } = engine;
    // No engine removes three containers in a millisecond.
    await engine.removeAll(1);
    assert.notEqual(engine.pid, pid);
    assert.deepEqual(await names(), []);
    await engine.makeDecky('web', ['ssh']);
    assert.deepEqual(await names(), ['/web', '/web-ssh']);
  } finally {
    await engine.stop();
  }
});
