import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type DockerSettings, dockerConnection } from '../../src/docker/connection.ts';
import { FleetError } from '../../src/lib/errors.ts';

describe('the address of the engine', () => {
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

  test('the default socket, when nothing is set', () => {
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
    assert.deepEqual(optionsOf({ host: 'http://example:80' }), {
      protocol: 'http',
      host: 'example',
      port: 80,
    });
    assert.deepEqual(optionsOf({ host: 'https://example' }), {
      protocol: 'https',
      host: 'example',
      port: 2376,
    });
    assert.deepEqual(optionsOf({ host: 'unix:///run/a%20b/docker.sock' }), {
      socketPath: '/run/a%20b/docker.sock',
    });
  });

  test('missing parts of DOCKER_HOST have the CLI’s defaults', () => {
    for (const [text, host, port] of [
      ['127.0.0.1:2375', '127.0.0.1', 2375],
      [' 127.0.0.1:4243 ', '127.0.0.1', 4243],
      [':4243', 'localhost', 4243],
      ['tcp://:4243', 'localhost', 4243],
      ['tcp://', 'localhost', 2375],
      ['example', 'example', 2375],
      ['[::1]:4243', '::1', 4243],
      ['::1', '::1', 2375],
    ] as const)
      assert.deepEqual(optionsOf({ host: text }), { protocol: 'http', host, port }, text);
    assert.deepEqual(optionsOf({ host: 'unix://' }), { socketPath: '/var/run/docker.sock' });
    for (const name of ['ca', 'cert', 'key']) writeFileSync(join(configDir, `${name}.pem`), name);
    const { protocol, port } = optionsOf({ host: 'example:2376', certPath: configDir }) as {
      port: number;
      protocol: string;
    };
    assert.deepEqual([protocol, port], ['https', 2376]);
  });

  const refusalOf = (more: Partial<DockerSettings>): string => {
    try {
      optionsOf(more);
    } catch (error) {
      assert.ok(error instanceof FleetError);
      assert.equal(error.code, 'CONFIG_INVALID');
      return error.line;
    }
    assert.fail('it was taken');
  };

  test('an engine behind SSH is rejected with advice, from any source', () => {
    const advice =
      /is an engine behind SSH, which is not supported\. Forward its socket with `ssh -N -L \S+ HOST`, and set DOCKER_HOST=unix:\/\/\/run\//;
    assert.match(refusalOf({ host: 'ssh://me@example:2222' }), /^DOCKER_HOST "ssh:\/\/me@example:2222" is/);
    assert.match(refusalOf({ host: 'ssh://me@example:2222' }), advice);
    writeContext('far', 'ssh://example');
    assert.match(refusalOf({ context: 'far' }), /^Docker context "far": its endpoint "ssh:\/\/example" is/);
    assert.match(refusalOf({ context: 'far' }), advice);
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

  test('an invalid address is rejected with one line', () => {
    for (const host of [
      'a b',
      'fd://',
      'unix://run/docker.sock',
      '/var/run/docker.sock',
      '//example:2375',
      'tcp:/example',
      'tcp:example:2375',
      'tcp://example:99999',
      'example:port',
      'tcp://example/v1.40',
      'tcp://example?a=b',
      'tcp://%00',
      'unix:/run/docker.sock',
      'npipe:////./pipe/docker',
    ])
      assert.match(refusalOf({ host }), /^DOCKER_HOST ".*" [^\n]*\. Allowed: unix:\/\/\/path, [^\n]*$/, host);
    assert.doesNotMatch(refusalOf({ host: 'me:secret@example/path' }), /secret/);
  });

  test('an unreadable certificate is rejected with one line', () => {
    const directory = join(configDir, 'certificates');
    mkdirSync(join(directory, 'ca.pem'), { recursive: true });
    assert.match(
      refusalOf({ host: 'tcp://example', tlsVerify: true, certPath: directory }),
      /ca\.pem cannot be read: EISDIR/,
    );
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

  test('a broken configuration of the CLI is reported', () => {
    writeFileSync(join(configDir, 'config.json'), '{');
    assert.throws(() => optionsOf({}), /config\.json cannot be read/);
    rmSync(join(configDir, 'config.json'));
  });
});
