import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { noBrowser } from '../harness/browser.ts';
import { type OwnDashboard, ownDashboard } from '../harness/dashboard.ts';
import { waitFor } from '../harness/wait.ts';

const fleet = [
  `insert into fleet_hosts (host_uuid, interval_s, first_seen_at, last_pass_at, last_full_pass_at, last_observed_at)
   select host, 3600, now(), now(), now(), now() from unnest(array['nyc-1', 'nyc-2', 'ams-1', 'empty-1']) host`,
  `insert into fleet_deckies (host_uuid, name, services, decky_ip, state, last_error) values
    ('nyc-1', 'web-01', '["ssh", "http"]', '10.0.4.1', 'failed', 'ssh: exited, code 137'),
    ('nyc-1', 'web-02', '["http"]', '10.0.4.2', 'running', null),
    ('nyc-2', 'mail-01', '["smtp"]', '10.0.5.1', 'torn_down', 'no container'),
    ('nyc-2', 'mail-02', '["smtp", "ssh"]', '10.0.5.2', 'running', null),
    ('ams-1', 'web-03', '["ssh"]', '10.0.6.1', 'failed', 'ssh: exited, code 1')`,
  `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at) values
    ('ams-1', 'web-03', 'running', 'failed', 'ssh: exited, code 1', now() - interval '2 days'),
    ('nyc-1', 'web-01', 'running', 'failed', 'ssh: exited, code 137', now() - interval '10 min'),
    ('nyc-2', 'mail-01', 'running', 'torn_down', 'no container', now() - interval '5 min'),
    ('nyc-2', 'gone', 'running', null, 'not in the file', now() - interval '1 min')`,
];

describe('the filter of the pages and the API', () => {
  let dashboard: OwnDashboard;
  before(async () => {
    dashboard = await ownDashboard({ rows: fleet });
  });
  after(() => dashboard?.close());
  let asked = 0;
  /** @returns the answer to this request, not to an earlier one */
  const ask = async (path: string, q: string, more = ''): Promise<{ status: number; body: string }> => {
    const query = new URLSearchParams({ q, n: String(asked++) });
    const reply = await fetch(`${dashboard.url}${path}?${query}${more}`);
    return { status: reply.status, body: await reply.text() };
  };
  const json = async (path: string, q: string, more = ''): Promise<Record<string, never>> =>
    JSON.parse((await ask(path, q, more)).body);
  const namesIn = (rows: readonly { name: string }[]): string => rows.map(({ name }) => name).join(' ');

  for (const [q, more, names] of [
    ['state:failed,torn_down host:nyc-*', '', 'web-01 mail-01'],
    ['host:nyc-* -state:running service:ssh', '', 'web-01'],
    ['since:1h', '', 'web-01 mail-01'],
    ['-since:1h', '', 'web-03 mail-02 web-02'],
    ['ip:10.0.4.*', '', 'web-01 web-02'],
    ['ssh: exited, code 137', '', 'web-01'],
    // The parameters compose with it.
    ['host:nyc-*', '&state=broken', 'web-01 mail-01'],
    ['ssh', '&service=smtp', 'mail-02'],
    ['state:failed', '&host=ams-1', 'web-03'],
  ] as const)
    test(`/api/fleet?q=${q}${more}`, async () => {
      const found = await json('/api/fleet', q, more);
      assert.deepEqual(
        namesIn(found.deckies ?? [])
          .split(' ')
          .sort(),
        names.split(' ').sort(),
      );
      assert.equal(found.total, names.split(' ').length);
    });

  for (const [q, more, names] of [
    ['state:broken host:nyc-*', '', 'mail-01 web-01'],
    ['since:1h -state:torn_down', '', 'gone web-01'],
    ['service:ssh', '', 'web-01 web-03'],
    ['-service:ssh', '', 'gone mail-01'],
    ['exited', '&state=failed&since=1h', 'web-01'],
  ] as const)
    test(`/api/history?q=${q}${more}`, async () =>
      assert.equal(namesIn((await json('/api/history', q, more)).transitions ?? []), names));

  test('as CSV', async () => {
    const { body } = await ask('/api/fleet', 'state:torn_down', '&format=csv');
    assert.match(body, /^host,name,[^\n]*\r\nnyc-2,mail-01,[^\n]*\r\n$/);
    const history = await ask('/api/history', 'decky:gone', '&format=csv');
    assert.match(history.body, /^id,at,[^\n]*\r\n\d+,[^\n]*,gone,running,,not in the file,\r\n$/);
  });

  test('hosts are chosen by their deckies, and those without deckies by their names', async () => {
    const hosts = async (q: string): Promise<string> =>
      ((await json('/api/hosts', q)).hosts as unknown as { host_uuid: string }[])
        .map(({ host_uuid }) => host_uuid)
        .join(' ');
    assert.equal(await hosts('service:smtp'), 'nyc-2');
    assert.equal(await hosts('state:failed'), 'ams-1 nyc-1');
    assert.equal(await hosts('host:*-1'), 'ams-1 empty-1 nyc-1');
    assert.equal(await hosts('empty'), 'empty-1');
    assert.equal(await hosts('-state:running host:empty-1'), '');
    const { body } = await ask('/hosts', 'state:failed');
    assert.match(body, /2 of 4 hosts match/);
    assert.match(body, /1 of 2/);
  });

  test('what is not understood is named on the page with the nearest word, and refused by the API', async () => {
    for (const [q, what] of [
      ['stat:failed', /Filter: "stat" is not a key\. Did you mean state\? Allowed: state, host/],
      ['state:faild', /Filter: state "faild" is not a state\. Did you mean failed\?/],
      ['since:10min', /Filter: since "10min" is not a length of time\. Did you mean 10m\?/],
    ] as const) {
      for (const path of ['/', '/hosts', '/history']) {
        const { status, body } = await ask(path, q);
        assert.equal(status, 200);
        assert.match(body.replaceAll('&quot;', '"'), what, path);
        assert.match(body, /<input type="search" name="q" value="[^"]+"/, 'what was typed is kept');
      }
      for (const path of ['/api/fleet', '/api/hosts', '/api/history']) {
        const { status, body } = await ask(path, q);
        assert.equal(status, 400, path);
        const { error } = JSON.parse(body) as { error: string };
        assert.match(error, what);
        assert.doesNotMatch(error, /\n/);
      }
    }
  });

  test('the map leaves out what does not match, and counts it', async () => {
    const { body } = await ask('/', 'state:failed', '&view=map');
    assert.match(body, /2 of 5 deckies match, on 2 hosts/);
    assert.equal(body.match(/aria-label="web-0\d failed"/g)?.length, 2);
    assert.doesNotMatch(body, /aria-label="web-02 running"/);
    assert.doesNotMatch(body, /more<\/p>/);
  });

  describe('in a browser', { skip: noBrowser }, () => {
    let page: Page;
    const faults: string[] = [];
    before(async () => {
      page = await dashboard.openPage();
      page.on('pageerror', ({ message }) => faults.push(message));
    });
    const open = async (path: string): Promise<void> => {
      await page.goto(dashboard.url + path);
      await page.waitForSelector('#stream[data-state=live]');
    };
    const shown = (): Promise<string[]> => page.locator('table.deckies th a').allInnerTexts();
    const pass = (): Promise<unknown> =>
      dashboard.db.query(
        `update fleet_hosts set turn = turn + 1, last_pass_at = now() where host_uuid = 'nyc-1'`,
      );

    test('rows that begin to match appear, and rows that cease to match disappear', async () => {
      await open('/?q=state%3Afailed+host%3Anyc-*');
      assert.deepEqual(await shown(), ['web-01']);
      await page.evaluate('document.body.dataset.mine = "kept"');
      await dashboard.db.query(`update fleet_deckies set state = 'failed' where name = 'web-02'`);
      await pass();
      await waitFor(async () => (await shown()).join() === 'web-01,web-02', 10_000);
      await dashboard.db.query(
        `update fleet_deckies set state = 'running' where name in ('web-01', 'web-02')`,
      );
      await pass();
      await waitFor(async () => (await shown()).length === 0, 10_000);
      assert.match(await page.innerText('#hosts'), /No decky matches/);
      assert.equal(await page.getAttribute('body', 'data-mine'), 'kept');
      await dashboard.db.query(`update fleet_deckies set state = 'failed' where name = 'web-01'`);
      await pass();
      await waitFor(async () => (await shown()).join() === 'web-01', 10_000);
    });

    test('a row that has the focus stays until the focus leaves', async () => {
      await open('/?q=state%3Afailed');
      await page.focus('tr[data-key="nyc-1 web-01"] a');
      await dashboard.db.query(`update fleet_deckies set state = 'failed' where name = 'web-02'`);
      await pass();
      // The page has read the change: its title counts it.
      await waitFor(async () => /^4 broken/.test(await page.title()), 10_000);
      assert.equal(await page.evaluate('document.activeElement.textContent'), 'web-01');
      assert.ok(!(await shown()).includes('web-02'));
      await page.focus('input[name=q]');
      await waitFor(async () => (await shown()).includes('web-02'), 10_000);
      await dashboard.db.query(`update fleet_deckies set state = 'running' where name = 'web-02'`);
    });

    test('rows are narrowed at once, and the server answers with the same', async () => {
      await open('/?sort=name');
      let mayAnswer: () => void = () => undefined;
      const answers = new Promise<void>((go) => (mayAnswer = go));
      await page.route('**/?*q=*', async (route) => {
        await answers;
        await route.continue();
      });
      await page.fill('input[name=q]', 'ip:10.0.4.* -state:running');
      const visible = async (): Promise<string> =>
        (await page.locator('table.deckies tr:not([hidden]) th a').allInnerTexts()).join();
      assert.equal(await visible(), 'web-01');
      mayAnswer();
      await page.waitForSelector('tr[data-key="nyc-2 mail-01"]', { state: 'detached' });
      assert.equal(await visible(), 'web-01');
      assert.equal(new URL(page.url()).searchParams.get('q'), 'ip:10.0.4.* -state:running');
      await page.unroute('**/?*q=*');
    });

    test('an update that was asked for before the filter does not bring the whole list back', async () => {
      await open('/?sort=name');
      // The body of its answer is slow.
      await page.evaluate(`(() => {
        const { text } = Response.prototype;
        window.waits = 0;
        Response.prototype.text = async function () {
          const found = await text.call(this);
          if (!this.url.includes('q=')) {
            window.waits += 1;
            await new Promise((go) => (window.letGo = go));
          }
          return found;
        };
      })()`);
      await pass();
      await waitFor(async () => (await page.evaluate('window.waits')) === 1, 10_000);
      await page.fill('input[name=q]', 'state:torn_down');
      await page.waitForSelector('tr[data-key="nyc-1 web-02"]', { state: 'detached' });
      await page.evaluate('window.letGo(), new Promise((go) => setTimeout(go))');
      assert.deepEqual(await shown(), ['mail-01']);
    });

    test('a wrong key is named, and the message goes as soon as it is corrected', async () => {
      await open('/');
      await page.fill('input[name=q]', 'stat:failed');
      await page.keyboard.press('Enter');
      await waitFor(async () => /Did you mean state\?/.test(await page.innerText('#filter-fault')));
      await page.fill('input[name=q]', 'state:failed');
      await waitFor(async () => (await page.innerText('#filter-fault')) === '');
    });

    test('the history and the hosts are filtered while they are open, and the address keeps it', async () => {
      await open('/history');
      await page.fill('input[name=q]', 'state:torn_down');
      await waitFor(async () => (await page.locator('table.history tbody tr').count()) === 1);
      await page.reload();
      assert.match(await page.innerText('table.history tbody'), /mail-01/);
      await open('/hosts');
      await page.fill('input[name=q]', 'service:smtp');
      await waitFor(async () => (await page.locator('table.hosts tbody tr').count()) === 1);
      await page.reload();
      assert.match(await page.innerText('table.hosts tbody'), /nyc-2[\s\S]*2 of 2/);
    });

    test('the help is under the box and behind ?', async () => {
      await open('/');
      await page.click('.filter-help summary');
      assert.match(await page.innerText('.filter-help'), /state:failed,torn_down[\s\S]*-state:running/);
      await page.keyboard.press('?');
      assert.match(await page.innerText('#keys'), /Filters[\s\S]*host:nyc-\*/);
      assert.deepEqual(faults, []);
    });
  });
});
