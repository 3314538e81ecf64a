import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type DockerSettings, dockerConnection } from '../../src/docker/connection.ts';

describe('where the engine is', () => {
  let configDir: string;
  before(() => {
    configDir = mkdtempSync(join(tmpdir(), 'decnet-fleet-dockercfg-'));
  });
  after(() => rmSync(configDir, { recursive: true, force: true }));

  const settings = (more: Partial<DockerSettings> = {}): DockerSettings => ({
    host: undefined,
    tlsVerify: false,
    certPath: undefined,
    context: undefined,
    configDir,
    ...more,
  });
  const optionsOf = (more: Partial<DockerSettings>) => dockerConnection(settings(more)).options;

  function writeContext(name: string, host: string): void {
    const id = createHash('sha256').update(name).digest('hex');
    const directory = join(configDir, 'contexts', 'meta', id);
    mkdirSync(directory, { recursive: true });
    writeFileSync(
      join(directory, 'meta.json'),
      JSON.stringify({ Name: name, Endpoints: { docker: { Host: host } } }),
    );
  }

  test('the usual socket, when nothing is set', () => {
    assert.deepEqual(optionsOf({}), { socketPath: '/var/run/docker.sock' });
  });

  test('DOCKER_HOST in each of its forms', () => {
    assert.deepEqual(optionsOf({ host: 'unix:///run/user/1000/podman.sock' }), {
      socketPath: '/run/user/1000/podman.sock',
    });
    assert.deepEqual(optionsOf({ host: 'tcp://10.0.0.1:4243' }), {
      protocol: 'http',
      host: '10.0.0.1',
      port: 4243,
    });
    assert.deepEqual(optionsOf({ host: 'tcp://example' }), { protocol: 'http', host: 'example', port: 2375 });
    assert.deepEqual(optionsOf({ host: 'tcp://[::1]:2375' }), { protocol: 'http', host: '::1', port: 2375 });
    assert.deepEqual(optionsOf({ host: 'ssh://me@example:2222' }), {
      protocol: 'ssh',
      host: 'example',
      port: '2222',
      username: 'me',
    });
  });

  test('TLS with the files of DOCKER_CERT_PATH', () => {
    for (const name of ['ca', 'cert', 'key']) writeFileSync(join(configDir, `${name}.pem`), name);
    const tls = { ca: Buffer.from('ca'), cert: Buffer.from('cert'), key: Buffer.from('key') };
    const secure = { protocol: 'https', host: 'example', port: 2376, ...tls };
    assert.deepEqual(optionsOf({ host: 'tcp://example', tlsVerify: true, certPath: configDir }), {
      ...secure,
      rejectUnauthorized: true,
    });
    assert.deepEqual(optionsOf({ host: 'tcp://example:2376', certPath: configDir }), {
      ...secure,
      rejectUnauthorized: false,
    });
    assert.throws(
      () => optionsOf({ host: 'tcp://example', tlsVerify: true, certPath: '/nonexistent' }),
      /No TLS certificates in \/nonexistent/,
    );
  });

  test('what the CLI would refuse is refused', () => {
    for (const host of ['garbage', 'fd://', 'unix://', 'tcp://', 'npipe:////./pipe/docker']) {
      assert.throws(() => optionsOf({ host }), { code: 'CONFIG_INVALID' }, host);
    }
  });

  test('DOCKER_CONTEXT, then the CLI’s current one; DOCKER_HOST before both', () => {
    writeContext('other', 'unix:///run/other.sock');
    writeContext('current', 'tcp://example:1');
    assert.deepEqual(optionsOf({ context: 'other' }), { socketPath: '/run/other.sock' });
    writeFileSync(join(configDir, 'config.json'), JSON.stringify({ currentContext: 'current' }));
    assert.deepEqual(optionsOf({}), { protocol: 'http', host: 'example', port: 1 });
    assert.deepEqual(optionsOf({ context: 'default' }), { socketPath: '/var/run/docker.sock' });
    assert.deepEqual(optionsOf({ context: 'other', host: 'unix:///x' }), { socketPath: '/x' });
    assert.throws(() => optionsOf({ context: 'nowhere' }), /DOCKER_CONTEXT "nowhere" does not exist/);
  });

  test('a broken configuration of the CLI is named', () => {
    writeFileSync(join(configDir, 'config.json'), '{');
    assert.throws(() => optionsOf({}), /config\.json cannot be read/);
    rmSync(join(configDir, 'config.json'));
  });
});
