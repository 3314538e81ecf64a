import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { cli, type Running, start } from '../harness/cli.ts';
import { testHost } from '../harness/host.ts';
import { ask, basic, line } from '../harness/http.ts';
import { addIncidents } from '../harness/sample-incident.ts';
import { type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const nasty = '<img src=x onerror=alert(1)>"\'&';
const pathsOfAll = [
  '/',
  '/hosts',
  '/history',
  '/hosts/host-a',
  '/hosts/host-a/plan',
  '/deckies/host-a/web-01',
  '/queues/',
  '/queues/api/queues',
  '/api/fleet',
  '/api/hosts',
  '/api/incidents',
  '/api/silences',
  '/silences',
  '/availability',
  '/api/availability',
  '/api/history',
  '/metrics',
  '/assets/map.css',
  '/assets/live.js',
];

describe('the dashboard over HTTP', () => {
  let store: TestStore;
  const host = testHost();
  let readOnly: { running: Running; url: string };
  let guarded: { running: Running; url: string };
  const env = (): Record<string, string> => ({ ...store.env, DECNET_DATA_DIR: host.directory });
  const login = { authorization: basic('ops', 'secret-of-ops') };

  const dashboard = async (more: Record<string, string>): Promise<{ running: Running; url: string }> => {
    const running = start(['dashboard', '--port', '0'], { ...env(), ...more });
    const said = await running.said(/dashboard is at .*\n/);
    return { running, url: `http://127.0.0.1:${/127\.0\.0\.1:(\d+)/.exec(said)?.[1]}` };
  };

  before(async () => {
    store = await testStore('postgres');
    await store.db.query(`insert into fleet_hosts (host_uuid, interval_s, last_pass_at, last_full_pass_at, last_observed_at, notes)
      values ('host-a', 30, now(), now(), now(), null), ('host-b', 30, now() - interval '10 min', now() - interval '10 min', now() - interval '10 min', null)`);
    await store.db.query(
      `insert into fleet_deckies (host_uuid, name, services, decky_ip, state, last_error, decky_config) values
        ('host-a', 'web-01', '["http"]', '192.0.2.1', 'running', null, '{"service_config": {"http": {"password": "correct-horse"}}}'),
        ('host-a', $1::text, jsonb_build_array($1::text), $1::text, 'failed', $1::text, jsonb_build_object('hostname', $1::text, $1::text, $1::text)),
        ('host-b', 'old-01', '["ssh"]', '192.0.2.2', 'running', null, null)`,
      [nasty],
    );
    await store.db.query(
      `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, job_id) values ('host-a', $1::text, null, 'failed', $1::text, $1::text)`,
      [nasty],
    );
    [readOnly, guarded] = await Promise.all([
      dashboard({}),
      dashboard({
        DASHBOARD_USER: 'ops',
        DASHBOARD_PASSWORD: 'secret-of-ops',
        DASHBOARD_PUBLIC_URL: 'https://fleet.example.org/',
        DASHBOARD_HOSTS: 'fleet.internal, metrics',
      }),
    ]);
  });
  after(async () => {
    for (const one of [readOnly, guarded]) {
      one?.running.child.kill();
      assert.equal((await one?.running.finished)?.code, 0);
    }
    await store.drop();
    host.remove();
  });

  for (const path of pathsOfAll) {
    test(`${path}: with a login, and not without`, async () => {
      const refused = await ask(guarded.url + path);
      assert.equal(refused.status, 401);
      assert.match(String(refused.headers['www-authenticate']), /^Basic/);
      assert.doesNotMatch(refused.body, /host-a|web-01/);
      // Every wrong login is delayed: other cases are in the tests of logins.
      const wrong = { authorization: basic('ops', 'wrong') };
      assert.equal((await ask(guarded.url + path, { headers: wrong })).status, 401);
      const expected = path.endsWith('/plan') ? 404 : 200;
      assert.equal((await ask(guarded.url + path, { headers: login })).status, expected);
      assert.equal((await ask(readOnly.url + path)).status, expected);
    });
  }

  test('what the login page needs is there without a login', async () => {
    for (const path of ['/login', '/assets/style.css', '/assets/theme.js', '/assets/icon.svg'])
      assert.equal((await ask(guarded.url + path)).status, 200, path);
  });

  test('/healthz and /readyz need no login and return no details', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const { status, body } = await ask(guarded.url + path);
      assert.deepEqual([status, body], [200, 'ok\n']);
    }
  });

  test('a policy blocks everything from outside, on every page', async () => {
    for (const path of ['/', '/hosts/host-a', '/deckies/host-a/web-01', '/none', '/queues/']) {
      const { headers, body } = await ask(readOnly.url + path);
      assert.match(String(headers['content-security-policy']), /default-src '(none|self)'/);
      assert.doesNotMatch(String(headers['content-security-policy']), /script-src[^;]*unsafe|https?:|\*/);
      assert.doesNotMatch(body, /(src|href)="(https?:)?\/\//);
    }
  });

  test('an unknown Host is refused; an IP address and the proxy’s name are not', async () => {
    for (const name of ['evil.example', 'localhost.evil.example', 'x', '127.0.0.1.nip.example', 'a b'])
      for (const path of ['/', '/metrics', '/api/events', '/none'])
        assert.equal(
          (await ask(readOnly.url + path, { headers: { host: name } })).status,
          421,
          `${path} of "${name}"`,
        );
    for (const name of ['localhost:9', '127.0.0.1', '[::1]:80'])
      assert.equal((await ask(`${readOnly.url}/`, { headers: { host: name } })).status, 200, name);
    assert.equal(
      (await ask(`${guarded.url}/`, { headers: { ...login, host: 'fleet.example.org' } })).status,
      200,
    );
    assert.equal((await ask(`${readOnly.url}/`, { headers: { host: 'fleet.example.org' } })).status, 421);
  });

  test('DASHBOARD_HOSTS adds names, for all requests', async () => {
    for (const path of ['/', '/metrics', '/queues/', '/api/fleet'])
      for (const name of ['fleet.internal:7070', 'METRICS', 'fleet.example.org']) {
        const { status } = await ask(guarded.url + path, { headers: { ...login, host: name } });
        assert.equal(status, 200, `${path} of ${name}`);
      }
    assert.equal((await ask(`${guarded.url}/`, { headers: { ...login, host: 'other' } })).status, 421);
  });

  test('a probe is answered for any Host or none, also over HTTP/1.0', async () => {
    for (const path of ['/healthz', '/readyz']) {
      for (const name of ['evil.example', '', 'a b'])
        assert.equal((await ask(guarded.url + path, { headers: { host: name } })).body, 'ok\n', `"${name}"`);
      for (const method of ['GET', 'HEAD']) {
        const probe = line(guarded.url);
        probe.write(`${method} ${path} HTTP/1.0\r\n\r\n`);
        await waitFor(() => !probe.isOpen(), 10_000);
        assert.match(probe.heard(), /^HTTP\/1\.\d 200 OK\r\n/);
        assert.equal(/\r\n\r\nok\n$/.test(probe.heard()), method === 'GET', probe.heard());
      }
    }
    const page = line(guarded.url);
    page.write('GET /metrics HTTP/1.0\r\n\r\n');
    await waitFor(() => !page.isOpen(), 10_000);
    assert.match(page.heard(), /^HTTP\/1\.\d 421 /);
  });

  test('HEAD of every address has the headers of GET, and an end', async () => {
    for (const path of [...pathsOfAll, '/api/events', '/healthz', '/readyz']) {
      const signal = AbortSignal.timeout(20_000);
      const { status, headers, body } = await ask(readOnly.url + path, { method: 'HEAD', signal });
      assert.deepEqual([status, body], [path.endsWith('/plan') ? 404 : 200, ''], path);
      if (path === '/api/events') assert.match(String(headers['content-type']), /^text\/event-stream/);
    }
  });

  test('changes are refused from another site, and without a login', async () => {
    const post = (url: string, headers: OutgoingHttpHeaders) =>
      ask(`${url}/hosts/host-a/reconcile`, { method: 'POST', headers });
    assert.equal((await post(readOnly.url, {})).status, 403);
    assert.equal((await post(guarded.url, {})).status, 401);
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ])
      assert.equal((await post(guarded.url, { ...login, ...headers })).status, 403, JSON.stringify(headers));
    const board = `${guarded.url}/queues/api/queues/schedule/add`;
    assert.equal(
      (await ask(board, { method: 'POST', headers: { ...login, origin: 'https://evil.example' } })).status,
      403,
    );
    const done = await post(guarded.url, { ...login, origin: guarded.url });
    assert.equal(done.status, 303);
    assert.match(String(done.headers.location), /^\/hosts\/host-a\?asked=/);
    assert.equal(
      (await ask(`${guarded.url}/hosts/none/reconcile`, { method: 'POST', headers: login })).status,
      404,
    );
  });

  test('Bull Board adds no job whose data the worker would refuse, and says why', async () => {
    const board = `${guarded.url}/queues/api/queues/reconcile.host-a/add`;
    for (const [data, why] of [
      [{ host_uuid: 'host-b' }, /it is for host host-b, this is the queue of host-a/],
      [{ host_uuid: 'host-a', decky: ['web-01'] }, /its data has an unknown field "decky"/],
      [{}, /its data names no host_uuid/],
      ['text', /its data is not an object/],
    ] as const) {
      const { status, body } = await ask(board, {
        method: 'POST',
        headers: { ...login, 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'by hand', data, options: {} }),
      });
      assert.equal(status, 400, body);
      assert.match(JSON.stringify(JSON.parse(body)).replaceAll('\\"', '"'), why);
    }
  });

  test('read-only: Bull Board cannot change anything either', async () => {
    for (const path of [
      '/queues/api/queues/schedule/add',
      '/queues/api/queues/schedule/pause',
      '/queues/api/queues/schedule/obliterate',
    ])
      for (const method of ['POST', 'PUT'])
        assert.equal(
          (
            await ask(readOnly.url + path, {
              method,
              headers: { 'content-type': 'application/json' },
              body: '{}',
            })
          ).status,
          403,
        );
  });

  test('markup in names, services, errors and content is text', async () => {
    for (const path of ['/', '/history', `/deckies/host-a/${encodeURIComponent(nasty)}`, '/hosts/host-a']) {
      const { status, body } = await ask(readOnly.url + path);
      assert.equal(status, 200, path);
      assert.ok(!body.includes('<img'), path);
      if (path !== '/hosts/host-a')
        assert.ok(body.includes('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;'), path);
    }
    const search = await ask(`${readOnly.url}/?q=${encodeURIComponent(nasty)}`);
    assert.ok(!search.body.includes('<img'));
    assert.match(search.body, /value="&lt;img/);
  });

  test('secrets are masked', async () => {
    const { body } = await ask(`${readOnly.url}/deckies/host-a/web-01`);
    assert.doesNotMatch(body, /correct-horse/);
    assert.match(body, /\*\*\*/);
  });

  test('a stale host is shown as stale, with its last known states', async () => {
    const { body } = await ask(`${readOnly.url}/?host=host-b`);
    assert.match(body, /STALE: last pass/);
    // More of them on a busy machine.
    assert.match(body, /2\d intervals/);
    assert.match(body, /last known: running/);
  });

  test('every gap is shown, and none counts as monitored time', async () => {
    const now = Date.now();
    const ago = (hours: number): string => new Date(now - hours * 3600_000).toISOString();
    await store.db.query(`delete from fleet_transitions where host_uuid = 'host-a' and name = 'web-01'`);
    await store.db.query(
      `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at) values
        ('host-a', 'web-01', null, 'running', 'new in the file', $1::timestamptz)`,
      [ago(20)],
    );
    await store.db.query(
      `insert into fleet_gaps (host_uuid, from_at, to_at) values ('host-a', $1, $2), ('host-a', $3, $4)`,
      [ago(15), ago(10), ago(6), ago(3)],
    );
    // Not the address of the tests before: equal requests get the same answer for a moment.
    const host = await ask(`${readOnly.url}/hosts/host-a?gaps`);
    for (const hours of [15, 10, 6, 3]) assert.ok(host.body.includes(ago(hours)), `${hours} h ago`);
    const { body } = await ask(`${readOnly.url}/deckies/host-a/web-01?gaps`);
    // Of 20 hours 5 and 3 were not monitored.
    assert.match(body, /running, of 12 h monitored/);
    await store.db.query(`delete from fleet_transitions where name = 'web-01'`);
  });

  test('JSON of the incidents: open ones, and those that ended since a time', async () => {
    // While it is locked, no dashboard closes them as over.
    const holder = new pg.Client({ connectionString: store.db.url });
    await holder.connect();
    await holder.query(`begin; select from fleet_locks where name = 'alarms' for update`);
    // No process serves the schedule here, which is an incident after a while.
    await store.db.query('delete from fleet_incidents');
    const stale = {
      kind: 'host_stale',
      severity: 'critical',
      cause: nasty,
      extent: { hosts: 1, deckies: 0, down: 0 },
      ageSeconds: 3 * 86_400,
    };
    await addIncidents(
      store.db,
      { ...stale, id: 'open' },
      { ...stale, id: 'new', endedSecondsAgo: 60 },
      { ...stale, id: 'old', endedSecondsAgo: 2 * 86_400 },
    );
    try {
      const ids = async (query: string): Promise<readonly string[]> => {
        const { status, body } = await ask(`${readOnly.url}/api/incidents${query}`);
        assert.equal(status, 200, body);
        const { incidents } = JSON.parse(body) as { incidents: readonly { id: string; cause: string }[] };
        assert.deepEqual(new Set(incidents.map(({ cause }) => cause)), new Set([nasty]));
        return incidents.map(({ id }) => id);
      };
      assert.deepEqual(await ids('?open=true'), ['open']);
      assert.deepEqual(await ids(`?since=${new Date(Date.now() - 86_400_000).toISOString()}`), [
        'open',
        'new',
      ]);
      assert.deepEqual(await ids(''), ['open', 'new', 'old']);
      assert.deepEqual(await ids('?limit=1'), ['open']);
    } finally {
      await store.db.query('delete from fleet_incidents');
      await holder.end();
    }
  });

  test('JSON: paging and filters; an invalid value is reported', async () => {
    const json = async (path: string): Promise<Record<string, unknown>> => {
      const { status, body } = await ask(readOnly.url + path);
      assert.equal(status, 200, body);
      return JSON.parse(body) as Record<string, unknown>;
    };
    const all = await json('/api/fleet?limit=2');
    assert.equal(all.total, 3);
    assert.equal((all.deckies as object[]).length, 2);
    const failed = (await json('/api/fleet?state=failed')).deckies as { name: string; state: string }[];
    assert.deepEqual(
      failed.map(({ name }) => name),
      [nasty],
    );
    assert.equal(((await json('/api/fleet?service=ssh&host=host-b')).deckies as object[]).length, 1);
    assert.equal((await json('/api/hosts')).total, 2);
    assert.equal(((await json('/api/history?host=host-a')).transitions as object[]).length, 1);
    for (const wrong of [
      '/api/fleet?limit=0',
      '/api/fleet?offset=-1',
      '/api/hosts?host=a%20b',
      '/api/fleet?state=degradd',
      '/api/history?since=yesterday',
      '/api/history?limit=1e9',
      '/api/incidents?since=yesterday',
    ]) {
      const { status, body } = await ask(readOnly.url + wrong);
      assert.equal(status, 400, wrong);
      assert.match((JSON.parse(body) as { error: string }).error, /Allowed|valid/);
    }
  });

  test('huge and odd queries are answered with an error', async () => {
    const long = 'x'.repeat(6000);
    for (const path of [
      `/?q=${long}`,
      '/?q=%25%5F%5C',
      '/?q=a%00b',
      '/?page=99999999',
      '/?page=NaN',
      '/?open=a&open=b',
      '/?state=none',
      '/?q=a&q=b',
      `/deckies/host-a/${'x'.repeat(128)}`,
    ]) {
      const { status, body } = await ask(readOnly.url + path);
      assert.ok(status === 200 || status === 404, `${path.slice(0, 40)}: ${status}`);
      assert.doesNotMatch(body, /at .*\.ts:\d+/);
    }
    for (const path of [
      `/${long}`,
      '/deckies/%ff/x',
      '/hosts/%00',
      '/../../etc/passwd',
      '/assets/../package.json',
    ]) {
      const { status } = await ask(readOnly.url + path);
      assert.ok(status >= 400 && status < 500, `${path.slice(0, 40)}: ${status}`);
    }
    const big = await ask(`${guarded.url}/hosts/host-a/reconcile`, {
      method: 'POST',
      headers: { ...login, 'content-type': 'application/json' },
      body: JSON.stringify({ x: 'y'.repeat(3_000_000) }),
    }).catch(() => null);
    assert.ok(big === null || big.status >= 400);
  });

  test('two hundred readers of the stream, some of which read nothing: notified within a second, memory bounded', async () => {
    const port = Number(new URL(readOnly.url).port);
    const rss = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${readOnly.running.child.pid}/status`, 'utf8'))?.[1]);
    await ask(`${readOnly.url}/`);
    const before = rss();
    const notified = new Set<number>();
    const sockets = Array.from({ length: 200 }, (_, at) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write('GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
      if (at % 10 === 0) socket.pause();
      else
        socket.on('data', (chunk) => {
          if (chunk.toString().includes('"host-a"')) notified.add(at);
        });
      return socket;
    });
    try {
      // First the begin of the stream, then a pass that changes the table.
      await waitFor(async () => {
        await store.db.query(
          `update fleet_hosts set turn = turn + 1, last_pass_at = clock_timestamp() where host_uuid = 'host-a'`,
        );
        return notified.size === 180;
      }, 15_000);
      for (let round = 0; round < 50; round++)
        await store.db.query(`update fleet_hosts set turn = turn + 1 where host_uuid = 'host-a'`);
      assert.ok(rss() - before < 100_000, `${rss() - before} kB more`);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    assert.equal((await ask(`${readOnly.url}/healthz`)).status, 200);
  });

  test('beyond loopback without a login: exit 2 with the reason', async () => {
    const { code, stderr } = await cli(['dashboard', '--host', '0.0.0.0', '--port', '0'], env());
    assert.equal(code, 2);
    assert.match(stderr, /requires a login.*DASHBOARD_USER/);
  });

  test('a port that is taken or invalid: exit 2 with the reason', async () => {
    const taken = await cli(['dashboard', '--port', new URL(readOnly.url).port], env());
    assert.equal(taken.code, 2);
    assert.match(taken.stderr, /is taken/);
    const none = await cli(['dashboard', '--port', '99999'], env());
    assert.equal(none.code, 2);
    assert.match(none.stderr, /0 to 65535/);
    const half = await cli(['dashboard', '--port', '0'], { ...env(), DASHBOARD_USER: 'ops' });
    assert.equal(half.code, 2);
    assert.match(half.stderr, /DASHBOARD_PASSWORD is not set/);
  });
});
