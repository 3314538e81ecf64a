import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type OwnDashboard, ownDashboard } from '../harness/dashboard.ts';

/**
 * Two hosts with two deckies each for a month. Of `bad` one decky was down for six hours, two of which nobody looked; `new` has
 * no history at all.
 */
const fleet = [
  `insert into fleet_hosts (host_uuid, interval_s, first_seen_at, last_pass_at, last_full_pass_at)
   select host, 3600, now(), now(), now() from unnest(array['good', 'bad', 'new']) host`,
  `insert into fleet_deckies (host_uuid, name, services, state)
   select host, name, '[]', 'running' from unnest(array['good', 'bad', 'new']) host, unnest(array['a', 'b']) name`,
  `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at)
   select host, name, null, 'running', 'new in the file', now() - interval '40 days'
   from unnest(array['good', 'bad']) host, unnest(array['a', 'b']) name`,
  `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at) values
    ('bad', 'a', 'running', 'failed', 'ssh: exited, code 137', now() - interval '10 h'),
    ('bad', 'a', 'failed', 'running', 'its containers run', now() - interval '4 h')`,
  `insert into fleet_gaps (host_uuid, from_at, to_at) values ('bad', now() - interval '8 h', now() - interval '6 h')`,
];

interface View {
  readonly over: string;
  readonly share: number;
  readonly known_s: number;
  readonly hosts: readonly { host_uuid: string; share: number | null; running_s: number; known_s: number }[];
  readonly parts: readonly { from: string; share: number | null }[];
}

describe('the availability of the fleet, as page, JSON and CSV', () => {
  let dashboard: OwnDashboard;
  before(async () => {
    dashboard = await ownDashboard({ rows: fleet });
  });
  after(() => dashboard?.close());
  const text = async (path: string): Promise<string> => (await fetch(dashboard.url + path)).text();
  const view = async (over: string): Promise<View> =>
    JSON.parse(await text(`/api/availability?over=${over}`)) as View;
  const hours = (seconds: number | undefined): number => Math.round((seconds ?? 0) / 3600);

  test('counts the time in which a decky was observed running, worst host first', async () => {
    const day = await view('day');
    assert.deepEqual(
      day.hosts.map(({ host_uuid, running_s, known_s }) => [host_uuid, hours(running_s), hours(known_s)]),
      // Two deckies for 22 hours, one of them not running for four.
      [
        ['bad', 40, 44],
        ['good', 48, 48],
        ['new', 0, 0],
      ],
    );
    assert.equal(day.hosts[2]?.share, null);
    assert.equal(hours(day.known_s), 92);
    assert.equal(day.share.toFixed(3), (88 / 92).toFixed(3));
    assert.equal(day.parts.length, 24);
    const month = await view('month');
    assert.equal(hours(month.hosts[0]?.running_s), 2 * 720 - 4 - 4);
    assert.deepEqual([month.parts.length, (await view('week')).parts.length], [30, 28]);
  });

  test('the page has the figures, a drawing and tables', async () => {
    const page = await text('/availability');
    assert.match(page, /95\.65 %<\/strong> <span>running, of 92 h monitored/);
    assert.match(page, /bad<\/a><\/th>\s*<td class="number">90\.90 %<\/td><td class="number">4 h<\/td>/);
    assert.match(page, /new<\/a><\/th>\s*<td class="number">unknown<\/td>/);
    assert.match(page, /Gaps are unknown, not up/);
    assert.match(page, /<svg [^>]*role="img" aria-label="Deckies that were not running: at most /);
    assert.equal(page.match(/<tr><th scope="row">\d{4}-\d\d-\d\d \d\d:\d\d UTC/g)?.length, 24);
    assert.match(await text('/availability?over=month'), /99\.7\d %/);
  });

  test('as CSV', async () => {
    const lines = (await text('/api/availability?format=csv')).split('\r\n');
    assert.equal(lines[0], 'host,share,running_s,known_s,deckies');
    assert.match(lines[1] ?? '', /^bad,0\.90\d+,1440\d\d,158\d{3},2$/);
    assert.equal(lines[3], 'new,,0,0,2');
  });

  test('another window is named with the nearest known one, and refused by the API', async () => {
    assert.match(
      await text('/availability?over=weak'),
      /over &quot;weak&quot; is not known\. Did you mean week\?/,
    );
    const reply = await fetch(`${dashboard.url}/api/availability?over=weak`);
    assert.equal(reply.status, 400);
    assert.match(await reply.text(), /Did you mean week\?/);
  });

  test('of a fleet without deckies is said in a sentence', async () => {
    const empty = await ownDashboard();
    try {
      assert.match(await (await fetch(`${empty.url}/availability`)).text(), /No decky is recorded/);
    } finally {
      await empty.close();
    }
  });
});
