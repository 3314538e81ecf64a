import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { brokenOverDay, partsOfDay } from '../../src/fleet/broken-over-day.ts';
import type { Transition } from '../../src/views/report.ts';
import { folded } from '../../src/web/pages/fold.ts';
import { type OwnDashboard, ownDashboard } from '../harness/dashboard.ts';

let ids = 1000;
const change = (name: string, more: Partial<Transition> = {}): Transition => ({
  id: ids--,
  host_uuid: 'a',
  name,
  from_state: 'running',
  to_state: 'failed',
  reason: 'ssh: exited, code 137',
  at: '2026-01-01T00:00:00.000Z',
  job_id: '7',
  ...more,
});

test('what one pass did to three or more deckies for one reason is one line', () => {
  const lines = (...changes: Transition[]): string[] => folded(changes).map(({ names }) => names.join());
  assert.deepEqual(lines(change('x'), change('y'), change('z')), ['x,y,z']);
  assert.deepEqual(lines(change('x'), change('y')), ['x', 'y']);
  // Other changes of the same pass in between.
  assert.deepEqual(lines(change('x'), change('o', { to_state: 'degraded' }), change('y'), change('z')), [
    'x,y,z',
    'o',
  ]);
  assert.deepEqual(lines(change('x'), change('y'), change('z', { reason: 'ssh: exited, code 1' })), [
    'x',
    'y',
    'z',
  ]);
  assert.deepEqual(lines(change('x'), change('y'), change('z', { host_uuid: 'b' })), ['x', 'y', 'z']);
  assert.deepEqual(lines(change('x'), change('y'), change('z', { job_id: '8' })), ['x', 'y', 'z']);
  assert.deepEqual(lines(), []);
});

test('the deckies that were broken are counted back from now', () => {
  const now = 5000;
  const counts = (
    broken: number,
    since: number | null,
    ...parts: [part: number, delta: number][]
  ): (number | null)[] =>
    brokenOverDay(
      broken,
      now,
      parts.map(([part, delta]) => ({ part, delta, changes: 1 })),
      since,
    )
      .slice(-4)
      .map((one) => one.broken);
  assert.equal(brokenOverDay(0, now, [], null).length, partsOfDay);
  assert.deepEqual(counts(3, null), [3, 3, 3, 3]);
  // Three fell in the last but one part, and one of them came back in the last.
  assert.deepEqual(counts(2, null, [now, -1], [now - 1, 3]), [0, 0, 3, 2]);
  assert.deepEqual(counts(2, now - 1, [now, -1], [now - 1, 3]), [null, null, 3, 2]);
  // Another program wrote states without a transition.
  assert.deepEqual(counts(0, null, [now, 2]), [0, 0, 0, 0]);
});

/** What the pages show. */
const rows = [
  `insert into fleet_hosts (host_uuid, interval_s, last_pass_at, last_full_pass_at) values ('a', 30, now(), now()), ('b', 30, now(), now())`,
  `insert into fleet_deckies (host_uuid, name, services, decky_ip, state, last_error) values
     ('a', '=cmd', '["ssh", "http"]', '192.0.2.1', 'failed', 'ssh: "quoted", code 1'), ('b', 'web', '[]', null, 'running', null)`,
  `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at, job_id)
    select 'a', 'decky-' || to_char(n, 'FM000'), null, 'running', 'new in the file', now() - interval '3 days', '1' from generate_series(1, 250) n
    union all select 'a', 'decky-' || to_char(n, 'FM000'), 'running', 'torn_down', 'no container', now() - interval '2 h', '2' from generate_series(1, 100) n
    union all select 'b', 'web', 'running', 'failed', 'http: exited, code 1', now() - interval '30 min', '3'
    union all select 'b', 'web', 'running', 'running', 'file: ip changed', now() - interval '20 min', '4'`,
];

describe('the history and the lists for other programs', () => {
  let dashboard: OwnDashboard;
  before(async () => {
    dashboard = await ownDashboard({ rows });
  });
  after(() => dashboard?.close());
  let asked = 0;
  const ask = async (path: string): Promise<{ status: number; type: string; body: string }> => {
    // Not the answer to an earlier request.
    const reply = await fetch(`${dashboard.url}${path}${path.includes('?') ? '&' : '?'}n=${asked++}`);
    return { status: reply.status, type: reply.headers.get('content-type') ?? '', body: await reply.text() };
  };
  const lines = (body: string): number => body.split('data-key="transition ').length - 1;

  test('a hundred equal changes of one pass are one line, with their names', async () => {
    const { body } = await ask('/history');
    assert.equal(lines(body), 4);
    assert.match(body, /<summary>100 deckies<\/summary>.*decky-001/s);
    assert.match(body, /<summary>98 deckies<\/summary>/);
    // Older changes are on the next page.
    const [, older = ''] = /rel="next" href="([^"]+)"/.exec(body) ?? [];
    const next = await ask(older.replaceAll('&amp;', '&'));
    assert.match(next.body, /<summary>152 deckies<\/summary>/);
    assert.doesNotMatch(next.body, /rel="next"/);
    assert.match(next.body, />Newest</);
  });

  test('filters by host, decky, state and time, alone and together', async () => {
    for (const [query, count] of [
      ['host=b', 2],
      ['decky=web', 2],
      ['state=failed', 1],
      ['state=broken', 2],
      ['since=1h', 2],
      ['since=1h&state=failed&host=b', 1],
      ['since=1h&host=a', 0],
      [`until=${new Date(Date.now() - 3_600_000).toISOString()}&since=24h`, 1],
      ['decky=none', 0],
    ] as const) {
      const { status, body } = await ask(`/history?${query}`);
      assert.deepEqual([status, lines(body)], [200, count], query);
    }
    assert.match((await ask('/history?decky=none')).body, /No change matches the filters/);
  });

  test('an address that is not understood says so, on the page and in the API', async () => {
    for (const [query, what] of [
      ['since=yesterday', /since is not a time/],
      ['state=brokn', /state &quot;brokn&quot; is not a state\. Did you mean broken\?/],
      ['host=a b', /host is not a host name/],
      ['before=x', /before is not the id of a transition/],
    ] as const) {
      const page = await ask(`/history?${query}`);
      assert.equal(page.status, 200);
      assert.match(page.body, what, query);
      assert.equal((await ask(`/api/history?${query}`)).status, 400, query);
    }
    const { status, body } = await ask('/api/hosts?format=cvs');
    assert.equal(status, 400);
    assert.match(body, /Did you mean csv\?/);
  });

  test('each list is also CSV, which no spreadsheet takes for a formula', async () => {
    const csv = async (path: string): Promise<string[]> => {
      const { status, type, body } = await ask(path);
      assert.deepEqual([status, type], [200, 'text/csv; charset=utf-8'], body);
      return body.split('\r\n').slice(0, -1);
    };
    const fleet = await csv('/api/fleet?format=csv');
    assert.equal(fleet[0], 'host,name,ip,services,state,since,last_seen,updated_at,reason');
    assert.match(fleet[1] ?? '', /^a,'=cmd,192\.0\.2\.1,ssh http,failed,,,[^,]+,"ssh: ""quoted"", code 1"$/);
    assert.equal(fleet.length, 3);
    assert.match((await csv('/api/hosts?format=csv'))[1] ?? '', /^a,false,/);
    assert.match(
      (await csv('/api/history?format=csv&host=b'))[1] ?? '',
      /,b,web,running,running,file: ip changed,4$/,
    );
    assert.equal((await csv('/api/incidents?format=csv')).length, 1);
    assert.equal((await csv('/api/silences?format=csv')).length, 1);
  });

  test('the band of the day shows how many were broken, and links to what changed', async () => {
    const { body } = await ask('/');
    const parts = [
      ...body.matchAll(/<a href="(\/history\?since=[^"]+)" aria-label="(\d\d:\d\d UTC: [^"]+)"/g),
    ];
    assert.equal(parts.length, partsOfDay);
    // The rows of this test do not follow from its transitions: one decky is broken now.
    const changed = parts.filter(([, , text = '']) => / 100 changed$/.test(text));
    assert.equal(changed.length, 1);
    const [, path = ''] = changed[0] ?? [];
    assert.match((await ask(path.replaceAll('&amp;', '&'))).body, /<summary>100 deckies<\/summary>/);
    assert.doesNotMatch((await ask('/?state=failed')).body, /class="day"/);
  });
});
