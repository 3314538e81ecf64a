import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start } from '../harness/cli.ts';
import { noEngine, type TestEngine, testEngine } from '../harness/docker.ts';

describe('the demo', { skip: noEngine }, () => {
  let engine: TestEngine;
  before(async () => {
    engine = await testEngine();
  });
  after(() => engine.stop());

  test('creates the example fleet, monitors it, and removes all of it and nothing else', async () => {
    await engine.make({ name: 'somebody-elses' });
    const demo = start([], { DOCKER_HOST: engine.host }, 'examples/demo.ts');
    await demo.said(/first pass: inserted=6/);
    await engine.container('example-web-ssh').kill();
    await demo.said(/example-web {2}degraded \(was running\) {2}ssh: exited, code 137/);
    demo.child.kill('SIGTERM');
    assert.equal((await demo.finished).code, 0, demo.output());
    const left = await engine.docker.listContainers({ all: true });
    assert.deepEqual(
      left.flatMap(({ Names }) => Names),
      ['/somebody-elses'],
    );
    const images = await engine.docker.listImages();
    assert.ok(!images.some(({ RepoTags }) => RepoTags?.some((tag) => tag.startsWith('decnet-fleet-demo'))));
  });

  test('without Docker it fails with one line', async () => {
    const demo = start([], { DOCKER_HOST: 'unix:///nonexistent/docker.sock' }, 'examples/demo.ts');
    const { code, stderr } = await demo.finished;
    assert.equal(code, 1);
    assert.match(stderr, /^The demo requires Docker on this machine: [^\n]+\n$/);
  });
});
