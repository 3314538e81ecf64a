import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { packageRoot } from '../../src/lib/package.ts';
import { hashPassword } from '../../src/lib/password-hash.ts';
import type { AuditView } from '../../src/views/audit.ts';
import { type OwnDashboard, ownDashboard, testDashboard } from '../harness/dashboard.ts';
import { ask, basic } from '../harness/http.ts';
import { waitFor } from '../harness/wait.ts';

const secret = 'secret-of-the-test';
const html = { accept: 'text/html,application/xhtml+xml' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };

describe('users and roles', () => {
  let directory: string;
  let file: string;
  let hash: string;
  let dashboard: OwnDashboard;
  const act = { authorization: basic('ops', secret) };
  const look = { authorization: basic('guest', secret) };

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-users-'));
    file = join(directory, 'users');
    hash = await hashPassword(secret);
    writeFileSync(file, `guest:look:${hash}\nlisted:act\n`, { mode: 0o600 });
    dashboard = await ownDashboard({
      rows: [`insert into fleet_hosts (host_uuid, interval_s) values ('host-a', 30)`],
      credentials: { user: 'ops', password: secret },
      usersFile: file,
      proxy: { header: 'x-forwarded-user', trusted: ['127.0.0.2'], role: 'look' },
      publicUrl: 'https://fleet.example.org/tools',
    });
  });
  after(async () => {
    await dashboard?.close();
    rmSync(directory, { recursive: true });
  });

  const get = (path: string, headers: OutgoingHttpHeaders = {}, from?: string) =>
    ask(dashboard.url + path, { headers, ...(from !== undefined && { from }) });
  const post = (path: string, fields: Readonly<Record<string, string>>, headers: OutgoingHttpHeaders = {}) =>
    ask(dashboard.url + path, {
      method: 'POST',
      headers: { ...form, ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  const signIn = async (user: string, headers: OutgoingHttpHeaders = {}): Promise<string> => {
    const answer = await post('/login', { user, password: secret, to: '/hosts' }, headers);
    assert.equal(answer.status, 303, answer.body);
    return String(answer.headers['set-cookie']);
  };
  const entries = async (query = ''): Promise<readonly AuditView[]> =>
    (JSON.parse((await get(`/api/audit${query}`, act)).body) as { entries: readonly AuditView[] }).entries;
  const addressOf = (url: string): string => url.replaceAll(/:\w+/g, '1');

  test('whoever may only look is refused by every route that changes something, and nobody is refused less', async () => {
    const routes = dashboard.acts.filter(({ url }) => !['/login', '/logout'].includes(url));
    assert.ok(routes.length > 25, String(routes.length));
    for (const { method, url } of routes) {
      const to = dashboard.url + addressOf(url);
      const refused = await ask(to, { method, headers: { ...look, ...html } });
      assert.equal(refused.status, 403, `${method} ${url}`);
      assert.equal(refused.body, 'Refused: guest has the role look, which cannot change anything.\n');
      assert.equal((await ask(to, { method })).status, 401, `${method} ${url}`);
      const foreign = { ...act, origin: 'https://evil.example' };
      assert.equal((await ask(to, { method, headers: foreign })).status, 403, `${method} ${url}`);
    }
    // Each of them has a name in the audit log.
    const recorded = await entries('?who=guest&limit=1000');
    assert.equal(recorded.length, routes.length);
    assert.deepEqual([...new Set(recorded.map(({ outcome }) => outcome))], ['refused']);
  });

  test('who may act reaches every one of these routes', async () => {
    for (const { method, url } of dashboard.acts) {
      if (['/login', '/logout'].includes(url) || url.startsWith('/queues/')) continue;
      const { status } = await ask(dashboard.url + addressOf(url), { method, headers: { ...act, ...form } });
      assert.ok(![401, 403].includes(status), `${method} ${url}: ${status}`);
    }
    const board = await ask(`${dashboard.url}/queues/api/queues/schedule/pause`, {
      method: 'PUT',
      headers: act,
    });
    assert.equal(board.status, 200);
  });

  test('pages show forms to those who may act only', async () => {
    for (const path of ['/silences', '/hosts/host-a']) {
      assert.match((await get(path, act)).body, /method="post" action="\/tools\/(silences|hosts\/host-a)/);
      const seen = await get(path, look);
      assert.equal(seen.status, 200);
      assert.doesNotMatch(seen.body, /method="post" action="\/tools\/(silences|hosts)/);
      assert.match(seen.body, /Your role is <code>look<\/code>/);
      assert.match(seen.body, /guest \(look\)/);
    }
    const modes = async (headers: OutgoingHttpHeaders): Promise<unknown> => {
      const { queues } = JSON.parse((await get('/queues/api/queues', headers)).body) as {
        queues: readonly { readonly readOnlyMode: boolean }[];
      };
      return [...new Set(queues.map(({ readOnlyMode }) => readOnlyMode))];
    };
    assert.deepEqual([await modes(act), await modes(look)], [[false], [true]]);
  });

  test('a browser without a session is led to the login page and back; others get 401', async () => {
    const asked = await get('/history?since=1h', html);
    assert.deepEqual(
      [asked.status, asked.headers.location],
      [303, '/tools/login?to=%2Fhistory%3Fsince%3D1h'],
    );
    const page = await get('/login?to=%2Fhistory%3Fsince%3D1h', html);
    assert.match(page.body, /<form class="login" method="post" action="\/tools\/login">/);
    assert.match(page.body, /name="to" value="\/history\?since=1h"/);
    assert.doesNotMatch((await get('/login?to=//evil.example', html)).body, /evil/);
    for (const [path, headers] of [
      ['/', {}],
      ['/api/fleet', html],
      ['/metrics', html],
      ['/', { ...html, authorization: basic('ops', 'wrong') }],
    ] as const) {
      const refused = await get(path, headers);
      assert.equal(refused.status, 401, path);
      assert.match(String(refused.headers['www-authenticate']), /^Basic /);
    }
    // A dialog of the browser must not cover a page whose session has ended.
    const script = await get('/api/events', { referer: `${dashboard.url}/` });
    assert.match(String(script.headers['www-authenticate']), /^Session /);
    const answered = await post('/hosts/host-a/reconcile', {}, html);
    assert.deepEqual([answered.status, answered.headers.location], [303, '/tools/login']);
  });

  test('a session works for pages, forms, the stream and Bull Board until it is signed out', async () => {
    const cookie = (await signIn('ops')).split(';')[0] ?? '';
    for (const path of ['/', '/api/fleet', '/metrics', '/queues/', '/queues/api/queues'])
      assert.equal((await get(path, { ...html, cookie })).status, 200, path);
    assert.equal(
      (await ask(`${dashboard.url}/api/events`, { method: 'HEAD', headers: { cookie } })).status,
      200,
    );
    assert.match((await get('/', { cookie })).body, /<span>ops<\/span><button type="submit">Sign out/);
    const added = await post(
      '/silences',
      { scope: 'everything', hours: '1', why: 'drill' },
      { cookie, ...html },
    );
    assert.equal(added.status, 303);
    const foreign = { cookie, origin: 'https://evil.example' };
    assert.equal((await post('/silences/1/end', {}, foreign)).status, 403);
    assert.equal((await post('/logout', {}, foreign)).status, 403);
    assert.equal((await get('/', { cookie })).status, 200);
    const out = await post('/logout', {}, { cookie });
    assert.deepEqual([out.status, out.headers.location], [303, '/tools/login']);
    assert.match(String(out.headers['set-cookie']), /^decnet_fleet_session=; Path=\/tools; .*Max-Age=0/);
    assert.equal((await get('/', { cookie })).status, 401);
    const kept = await entries('?who=ops');
    assert.deepEqual(
      kept.slice(0, 4).map(({ act: what, via, outcome }) => [what, via, outcome]),
      [
        ['sign out', 'api', 'done'],
        ['sign out', 'api', 'refused'],
        ['unsilence', 'api', 'refused'],
        ['silence', 'page', 'done'],
      ],
    );
    assert.deepEqual([kept[3]?.target, kept[3]?.details], ['everything, silence 1', '1 h: drill']);
  });

  test('the stream ends with the session', async () => {
    const cookie = (await signIn('ops')).split(';')[0] ?? '';
    const stream = ask(`${dashboard.url}/api/events`, { headers: { cookie } });
    await post('/logout', {}, { cookie });
    assert.match((await stream).body, /event: signed-out\ndata: \{\}\n\n$/);
  });

  test('the cookie is secure when a browser came by https', async () => {
    assert.doesNotMatch(await signIn('guest'), /Secure/);
    assert.match(await signIn('guest', { host: 'fleet.example.org' }), /; Secure/);
    const spoofed = { 'x-forwarded-proto': 'https' };
    assert.doesNotMatch(await signIn('guest', spoofed), /Secure/);
    const proxied = await ask(`${dashboard.url}/login`, {
      method: 'POST',
      headers: { ...form, ...spoofed },
      body: new URLSearchParams({ user: 'guest', password: secret }).toString(),
      from: '127.0.0.2',
    });
    assert.match(String(proxied.headers['set-cookie']), /; Secure/);
  });

  test('wrong passwords are delayed as with Basic, answered on the page, and recorded once', async () => {
    for (const user of ['ops', secret]) {
      const wrong = await post('/login', { user, password: 'wrong', to: '/hosts' });
      assert.equal(wrong.status, 401);
      assert.match(wrong.body, /role="alert">The name or the password is wrong\.</);
      assert.match(wrong.body, /name="to" value="\/hosts"/);
      assert.ok(!wrong.body.includes(secret));
    }
    const began = performance.now();
    for (let at = 0; at < 3; at += 1) await post('/login', { user: 'ops', password: 'wrong' });
    await get('/', act);
    // 100, 100, 200 and 400 ms after the second one.
    assert.ok(performance.now() - began > 700);
    await waitFor(async () => (await entries('?act=sign%20in')).some(({ outcome }) => outcome === 'refused'));
    const refused = (await entries('?act=sign%20in')).filter(({ outcome }) => outcome === 'refused');
    assert.equal(refused.length, 1);
    assert.equal(refused[0]?.who, 'ops');
    assert.match(refused[0]?.details ?? '', /^\d+ wrong, 0 not checked, from 127\.0\.0\.1$/);
    assert.ok(!JSON.stringify(await entries()).includes(secret));
  });

  test('a password in the field of the name is recorded nowhere', async () => {
    const wrong = await ask(`${dashboard.url}/login`, {
      method: 'POST',
      headers: form,
      body: new URLSearchParams({ user: 'typed-secret', password: 'ops' }).toString(),
      from: '127.0.0.3',
    });
    assert.equal(wrong.status, 401);
    await waitFor(async () => (await entries()).some(({ details }) => details?.endsWith('127.0.0.3')));
    const [entry] = await entries();
    assert.equal(entry?.who, 'unknown');
    const all = JSON.stringify(await entries()) + dashboard.logged.join('') + wrong.body;
    assert.ok(!all.includes('typed-secret'));
  });

  test('a header names the user if a trusted proxy sends it, and means nothing otherwise', async () => {
    const named = (name: string) => ({ 'x-forwarded-user': name });
    assert.equal((await get('/', named('listed'))).status, 401);
    assert.match((await get('/', named('visitor'), '127.0.0.2')).body, /visitor \(look\)/);
    for (const name of ['listed', 'ops']) {
      const { body } = await get('/silences', named(name), '127.0.0.2');
      assert.match(body, new RegExp(`<span>${name}</span></form>`));
      assert.match(body, /action="\/tools\/silences"/);
    }
    for (const name of ['', 'a:b', ' '])
      assert.equal((await get('/', named(name), '127.0.0.2')).status, 401, name);
    const twice = await ask(`${dashboard.url}/`, {
      headers: { 'X-Forwarded-User': ['ops', 'guest'] },
      from: '127.0.0.2',
    });
    assert.equal(twice.status, 400);
    // Somebody without a password cannot sign in with one.
    assert.equal((await post('/login', { user: 'listed', password: '' })).status, 401);
  });

  test('the audit log: filters, pages, JSON and CSV', async () => {
    const all = await entries('?limit=1000');
    const valid = new Ajv2020().compile(
      JSON.parse(readFileSync(join(packageRoot, 'docs/schemas/audit.schema.json'), 'utf8')),
    );
    assert.ok(valid({ entries: all }), JSON.stringify(valid.errors));
    const ids = all.map(({ id }) => id);
    assert.deepEqual(
      ids,
      [...ids].sort((one, other) => other - one),
    );
    const older = await entries(`?before=${ids[1]}&limit=2`);
    assert.deepEqual(
      older.map(({ id }) => id),
      ids.slice(2, 4),
    );
    assert.ok((await entries('?act=pause')).every(({ act: what }) => what === 'pause'));
    assert.ok((await entries('?host=1')).every(({ host_uuid }) => host_uuid === '1'));
    const page = (await get('/audit?who=guest', look)).body;
    assert.match(page, /<th scope="row">guest /);
    assert.doesNotMatch(page, /<th scope="row">ops /);
    assert.match(page, /<option value="retry job">/);
    assert.match((await get('/audit?before=x', look)).body, /before is not the id of an entry/);
    assert.match((await get('/audit?act=none', look)).body, /No entry matches the filters/);
    const csv = await get('/api/audit?format=csv&limit=1', look);
    assert.match(csv.body, /^id,at,who,via,act,host,target,details,outcome\r\n\d+,/);
  });

  test('an act that cannot be recorded happens, and is logged', async () => {
    await dashboard.db.query('alter table fleet_audit rename to hidden');
    try {
      const paused = await ask(`${dashboard.url}/queues/api/queues/schedule/resume`, {
        method: 'PUT',
        headers: act,
      });
      assert.equal(paused.status, 200);
      await waitFor(() =>
        dashboard.logged.some((line) => /resume queue.*an act could not be recorded/.test(line)),
      );
    } finally {
      await dashboard.db.query('alter table hidden rename to fleet_audit');
    }
  });

  // The last: it changes the users.
  test('the file is read again when it changes; one that is not valid changes nothing', async () => {
    const cookie = (await signIn('guest')).split(';')[0] ?? '';
    writeFileSync(file, `guest:act:${hash}\nbroken\n`);
    await waitFor(() => dashboard.logged.some((line) => line.includes('line 2: the role of broken')));
    assert.match((await get('/', { cookie })).body, /guest \(look\)/);
    writeFileSync(file, `guest:act:${hash}\nother:look\n`);
    await waitFor(async () => /<span>guest<\/span>/.test((await get('/', { cookie })).body));
    writeFileSync(file, `other:look:${hash}\nyet-another:look\n`);
    await waitFor(async () => (await get('/', { cookie })).status === 401);
  });

  for (const [what, content, mode, words] of [
    ['others can read it', 'a:look', 0o644, /its mode is 0644, so that others can read or change it/],
    ['it is empty', '# nobody', 0o600, /it has no user/],
    ['it names the configured user', 'ops:look', 0o600, /user ops is also DASHBOARD_USER/],
    ['two lines are wrong', 'a:look:x\nb', 0o600, /line 1: the hash of a .*; line 2: the role of b/],
  ] as const)
    test(`the dashboard does not start if ${what}`, async () => {
      const wrong = join(directory, 'wrong');
      rmSync(wrong, { force: true });
      writeFileSync(wrong, content, { mode });
      const credentials = { user: 'ops', password: secret };
      await assert.rejects(
        testDashboard(dashboard.env, { credentials, usersFile: wrong }),
        (error: Error) => {
          assert.match(error.message, words);
          return true;
        },
      );
    });
});
