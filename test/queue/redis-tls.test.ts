import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { reasonOf } from '../../src/lib/errors.ts';
import { certificates, noCertificates } from '../harness/certificates.ts';
import { type Env, start } from '../harness/cli.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { type RedisProcess, redisProcess } from '../harness/redis-servers.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { redisServer } from '../harness/servers.ts';
import { noStore, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

describe('Redis with TLS', { skip: noStore('redis') || noCertificates }, () => {
  let directory: string;
  let made: ReturnType<typeof certificates>;
  let store: TestStore;
  let host: TestHost;
  let server: RedisProcess;
  let expired: RedisProcess;

  /** @param certificate the server's */
  const secured = (certificate: string, asksForOurs: boolean) =>
    redisProcess(
      (port, own) => [
        ...['port 0', `tls-port ${port}`, 'bind 127.0.0.1', 'save ""', `dir ${own}`],
        `tls-cert-file ${made.file(`${certificate}.crt`)}`,
        `tls-key-file ${made.file(`${certificate}.key`)}`,
        `tls-ca-cert-file ${made.file('ca.crt')}`,
        `tls-auth-clients ${asksForOurs ? 'yes' : 'no'}`,
      ],
      {
        scheme: 'rediss',
        access: () => ({
          tls: {
            rejectUnauthorized: false,
            cert: readFileSync(made.file('worker.crt')),
            key: readFileSync(made.file('worker.key')),
          },
        }),
      },
    );
  const ours = () => ({
    REDIS_CA_FILE: made.file('ca.crt'),
    REDIS_CERT_FILE: made.file('worker.crt'),
    REDIS_KEY_FILE: made.file('worker.key'),
  });
  const env = (more: Env): Env =>
    host.env({ DATABASE_URL: store.db.url, DOCKER_HOST: 'unix:///nonexistent/docker.sock', ...more });
  const found = async (part: string, more: Env): Promise<{ verdict: string; text: string }> => {
    const { checks } = await jsonHere<{ checks: { part: string; verdict: string; text: string }[] }>(
      ['doctor', '--json'],
      env(more),
    );
    return checks.find((one) => one.part === part) ?? assert.fail('not checked');
  };
  const fault = async (more: Env): Promise<string> => {
    const { verdict, text } = await found('queues', more);
    assert.equal(verdict, 'fault', text);
    assert.doesNotMatch(text, /\n/);
    return text;
  };

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-tls-'));
    made = certificates(directory);
    for (const name of ['ca', 'other']) made.authority(name);
    for (const name of ['server', 'worker']) made.signed(name, 'ca');
    made.signed('stranger', 'other');
    made.signed('old', 'ca', -1);
    store = await testStore('postgres');
    host = testHost();
    host.write([declaredDecky('web')]);
    [server, expired] = await Promise.all([secured('server', true), secured('old', false)]);
  });
  after(async () => {
    await Promise.all([server.remove(), expired.remove()]);
    host.remove();
    await store.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  test('is used by a worker and a command that have the authority and a certificate', async () => {
    const settings = env({ ...ours(), REDIS_URL: server.url });
    const { text } = await found('queues', settings);
    assert.match(text, /^Redis \S+ at rediss:\/\/127\.0\.0\.1:\d+\/0;/);
    const worker = start(['worker'], settings);
    try {
      await waitFor(async () => /is running/.test((await found('worker', settings)).text));
      const { code, stderr, stdout } = await runHere(['reconcile', '--once'], settings);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /inserted=/);
    } finally {
      worker.child.kill('SIGTERM');
      await worker.finished;
    }
  });

  test('a certificate of another authority is a clear error', async () => {
    for (const more of [{}, { REDIS_CA_FILE: made.file('other.crt') }])
      assert.match(
        await fault({ ...ours(), REDIS_CA_FILE: undefined, ...more, REDIS_URL: server.url }),
        /^The queues at rediss:\/\/127\.0\.0\.1:\d+\/0 do not answer: .*certificate.*\. Set REDIS_CA_FILE to the certificate of the authority/,
      );
  });

  test('an expired certificate is a clear error', async () => {
    assert.match(
      await fault({ REDIS_CA_FILE: made.file('ca.crt'), REDIS_URL: expired.url }),
      /do not answer: certificate has expired\. Renew the server's certificate/,
    );
  });

  test('a certificate for another name is a clear error', async () => {
    assert.match(
      await fault({ ...ours(), REDIS_URL: server.url.replace('127.0.0.1', 'localhost') }),
      /do not answer: Hostname\/IP does not match.*\. Connect to a host name or address that the certificate names/,
    );
  });

  test('a server that does not accept our certificate is a clear error', async () => {
    const foreign = {
      REDIS_CERT_FILE: made.file('stranger.crt'),
      REDIS_KEY_FILE: made.file('stranger.key'),
    };
    for (const more of [{ REDIS_CERT_FILE: undefined, REDIS_KEY_FILE: undefined }, foreign])
      assert.match(
        await fault({ ...ours(), ...more, REDIS_URL: server.url }),
        /The server refused our certificate: set REDIS_CERT_FILE and REDIS_KEY_FILE/,
      );
  });

  test('a port without TLS, and a port with it, are distinguished', async () => {
    const plain = await redisServer();
    const checked = async (url: string, expected: RegExp): Promise<void> => {
      const backend = openTestQueues(url, store.db.url);
      try {
        await assert.rejects(backend.check(), (error: Error) => expected.test(reasonOf(error)));
      } finally {
        await backend.close();
      }
    };
    try {
      await Promise.all([
        checked(
          plain.url.replace('redis:', 'rediss:'),
          /no answer within 10 s \(.*\).*this port of it uses TLS/,
        ),
        checked(server.url.replace('rediss:', 'redis:'), /no answer within 10 s \(.+\)/),
      ]);
    } finally {
      await plain.remove();
    }
  });

  test('a worker that cannot verify the server says so once, and waits', async () => {
    const settings = env({ ...ours(), REDIS_CA_FILE: made.file('other.crt'), REDIS_URL: server.url });
    const worker = start(['worker'], settings);
    try {
      const said = await worker.said(/Set REDIS_CA_FILE/);
      assert.equal(said.match(/Set REDIS_CA_FILE/g)?.length, 1, said);
    } finally {
      worker.child.kill('SIGTERM');
      await worker.finished;
    }
  });

  test('files that cannot be used, and settings that do not fit, are configuration errors', async () => {
    const text = join(directory, 'text');
    writeFileSync(text, 'no certificate');
    const wrong: readonly [Env, RegExp][] = [
      [
        { REDIS_CA_FILE: '/nonexistent' },
        /REDIS_CA_FILE is "\/nonexistent", which cannot be read \(ENOENT\)/,
      ],
      [{ REDIS_CA_FILE: text }, /REDIS_CA_FILE is ".*text", which has no certificate in PEM/],
      [{ REDIS_KEY_FILE: made.file('server.key') }, /REDIS_KEY_FILE must be the key of the certificate/],
      [{ REDIS_KEY_FILE: undefined }, /REDIS_KEY_FILE is not set; set both, or neither/],
      [
        { REDIS_URL: server.url.replace('rediss:', 'redis:') },
        /REDIS_CA_FILE is set, but REDIS_URL has no TLS/,
      ],
    ];
    for (const [more, expected] of wrong) {
      const done = await runHere(['reconcile', '--once'], env({ ...ours(), REDIS_URL: server.url, ...more }));
      assert.equal(done.code, 2, done.stderr);
      assert.match(done.stderr, expected);
    }
  });
});
