import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import type { Page } from 'playwright-core';
import { problemsOf } from '../harness/axe.ts';
import { noBrowser } from '../harness/browser.ts';
import { type OwnDashboard, ownDashboard } from '../harness/dashboard.ts';
import { addIncidents } from '../harness/sample-incident.ts';
import { waitFor } from '../harness/wait.ts';

const hosts = 50;
const perHost = 100;
const screen = { width: 1440, height: 900 };

/** 50 hosts with 100 deckies each. One host is down as a whole, one is stale, and of some others a few deckies are broken. */
const fleet = [
  `insert into fleet_hosts (host_uuid, interval_s, last_pass_at, last_full_pass_at, last_observed_at, version)
   select 'host-' || to_char(n, 'FM00'), 3600, at, at, at, '0.1.0'
   from generate_series(1, ${hosts}) n, lateral (select now() - case n when 17 then interval '9 h' else interval '10 s' end as at) t`,
  `insert into fleet_deckies (host_uuid, name, services, decky_ip, state, last_error)
   select 'host-' || to_char(h, 'FM00'), 'decky-' || to_char(d, 'FM000'), '["ssh", "http"]', '198.51.' || h || '.' || d, state,
     case state when 'running' then null when 'torn_down' then 'no container' else 'http: exited, code 137' end
   from generate_series(1, ${hosts}) h, generate_series(1, ${perHost}) d, lateral (
     select case when h = 30 then 'torn_down' when h % 7 = 0 and d % 20 = 0 then 'failed' when h % 5 = 0 and d = 3 then 'degraded'
       else 'running' end as state) s`,
];

describe('the map of a large fleet', { skip: noBrowser }, () => {
  let dashboard: OwnDashboard;
  let page: Page;
  before(async () => {
    dashboard = await ownDashboard({ rows: fleet });
    await addIncidents(dashboard.db, {
      id: 'host_down-1',
      kind: 'host_down',
      severity: 'critical',
      cause: '100 deckies are torn down: no container',
      command: 'decnet-fleet plan --host host-30',
      extent: { hosts: 1, deckies: 100, down: 100 },
      affected: [{ host: 'host-30', name: 'decky-001', state: 'torn_down' }],
      ageSeconds: 7200,
    });
    page = await dashboard.openPage({ reducedMotion: 'reduce', viewport: screen });
  });
  after(() => dashboard?.close());
  const open = async (path = '/'): Promise<void> => {
    await page.goto(dashboard.url + path);
    await page.waitForSelector('#stream[data-state=live]');
  };
  /** Where the focus is: the text of the element, or its name. */
  const focus = (): Promise<string> =>
    page.evaluate(`document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText`);

  test('shows 5,000 deckies on at most two screens, with at most 60 stops of the Tab key', async () => {
    await open();
    assert.equal(await page.locator('.cells a').count(), hosts * perHost);
    const height = Number(await page.evaluate('document.documentElement.scrollHeight'));
    assert.ok(height <= 2 * screen.height, `${height} pixels`);
    const stops = new Set<string>();
    for (;;) {
      await page.keyboard.press('Tab');
      const at = String(
        await page.evaluate(`[...document.querySelectorAll('*')].indexOf(document.activeElement)`),
      );
      if (stops.has(at) || stops.size > 100) break;
      stops.add(at);
    }
    assert.ok(stops.size > 10 && stops.size <= 60, `${stops.size} stops`);
  });

  test('the worst host comes first; a host that is not monitored says so', async () => {
    await open();
    const first = await page.locator('.tile h2').allInnerTexts();
    assert.deepEqual(first.slice(0, 2), ['host-17', 'host-30']);
    assert.match(await page.innerText('.tile[data-key="host host-17"] .facts'), /stale: last pass 9 h ago/);
    assert.match(await page.innerText('.tile[data-key="host host-30"] .facts'), /100 ○ torn_down/);
    assert.match(await page.innerText('#control-plane'), /Workers 49 of 50 heard/);
    assert.match(await page.title(), /^\d+ broken, 1 stale, Fleet/);
  });

  test('a change appears on its cell, and the focus stays where it is', async () => {
    await open();
    const cell = page.locator('a[href="/deckies/host-02/decky-005"]');
    assert.equal(await cell.getAttribute('title'), 'decky-005 running');
    await cell.focus();
    await dashboard.db.query(
      `update fleet_deckies set state = 'failed' where host_uuid = 'host-02' and name = 'decky-005'`,
    );
    await dashboard.db.query(
      `update fleet_hosts set turn = turn + 1, last_pass_at = now() where host_uuid = 'host-02'`,
    );
    await page.waitForSelector('a[href="/deckies/host-02/decky-005"][title="decky-005 failed"]');
    assert.equal(await focus(), 'decky-005 failed');
    await waitFor(async () => (await page.innerText('#announced')) === 'host-02 1 failed');
    await dashboard.db.query(`update fleet_deckies set state = 'running' where host_uuid = 'host-02'`);
  });

  test('is used by keyboard alone', async () => {
    await open();
    // As a reader of it would: first the keys.
    await page.keyboard.press('?');
    assert.ok(await page.isVisible('#keys'));
    await page.keyboard.press('Escape');
    assert.ok(!(await page.isVisible('#keys')));
    await page.locator('.tile h2 a').first().focus();
    assert.equal(await focus(), 'host-17');
    await page.keyboard.press('ArrowDown');
    assert.equal(await focus(), 'host-30');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    assert.equal(await focus(), 'decky-002 torn_down');
    // The Tab key leaves the map, and comes back to the same cell.
    await page.keyboard.press('Tab');
    assert.notEqual(await focus(), 'decky-003 torn_down');
    await page.keyboard.press('Shift+Tab');
    assert.equal(await focus(), 'decky-002 torn_down');
    await page.keyboard.press('ArrowUp');
    assert.equal(await focus(), 'host-30');
    await page.keyboard.press('Home');
    assert.equal(await focus(), 'host-17');
    await page.keyboard.press('j');
    assert.equal(await focus(), 'host-30');
    await page.keyboard.press('k');
    assert.equal(await focus(), 'host-17');
    // A search, and back to the first row of what is found.
    await page.keyboard.press('/');
    await page.keyboard.type('host-14 137');
    await page.waitForSelector('tr[data-key="host-14 decky-020"]');
    assert.equal(await page.locator('.tile').count(), 0);
    await page.keyboard.press('Enter');
    await waitFor(async () => (await focus()) === 'host-14');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/deckies/host-14/decky-020');
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    await page.waitForURL('**/hosts');
  });

  test('a page that could not be shown appears by itself when it can, and does not claim to be live', async () => {
    const holder = new pg.Client({ connectionString: dashboard.db.url });
    await holder.connect();
    try {
      await holder.query('begin; lock table fleet_hosts in access exclusive mode');
      await page.goto(dashboard.url);
      assert.match(await page.innerText('h1'), /cannot be shown/);
      assert.match(await page.innerText('#stream'), /trying again/);
      await holder.query('rollback');
      await page.waitForSelector('.map');
      await page.waitForSelector('#stream[data-state=live]');
    } finally {
      await holder.end();
    }
  });

  test('as a list on request; a filter always lists', async () => {
    await open('/?view=list');
    assert.equal(await page.locator('.tile').count(), 0);
    assert.ok((await page.locator('.host').count()) > 10);
    await open('/?state=failed');
    assert.equal(await page.locator('.tile').count(), 0);
    await open('/?view=map&state=failed');
    assert.equal(await page.locator('.tile').count(), 7);
  });

  test('light and dark, at 200 % and at 360 pixels: no serious accessibility problem, no horizontal scrolling', async () => {
    // At 200 % a screen is half as wide.
    for (const [colorScheme, width] of [
      ['light', 1440],
      ['dark', 720],
      ['dark', 360],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await open();
      assert.deepEqual(await problemsOf(page), [], `${colorScheme} ${width}`);
    }
  });
});
