import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Docker } from '../../src/docker/dockerode.ts';

const { cache } = createRequire(import.meta.url);

test('dockerode is loaded without gRPC, SSH and tar', () => {
  const loaded = Object.keys(cache);
  assert.ok(loaded.some((file) => file.endsWith('/dockerode/lib/docker.js')));
  assert.deepEqual(
    loaded.filter((file) => /\/node_modules\/(@grpc|protobufjs|ssh2|tar-stream)\//.test(file)),
    [],
  );
});

test('a part that is not loaded says so when it is called', () => {
  const docker = new Docker({ protocol: 'ssh', host: '192.0.2.1' });
  assert.throws(
    () => docker.modem.dial({ path: '/_ping', method: 'GET', options: {} }, () => {}),
    /does not load this part of dockerode: docker-modem\/lib\/ssh\.js/,
  );
});
