import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { problemsOf } from '../harness/axe.ts';
import { noBrowser, openBrowser, signing } from '../harness/browser.ts';
import { type Running, start } from '../harness/cli.ts';
import { noEngine } from '../harness/docker.ts';
import { openStage, type Stage } from '../harness/stage.ts';
import { noStore, stores } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const login = { user: 'ops', password: 'p:w"é' };
/** Five times the promised second until a change is on the page. */
const seenWithin = 5000;

for (const kind of stores) {
  describe(`the pages in a browser, queues on ${kind}`, {
    skip: noBrowser || noEngine || noStore(kind),
  }, () => {
    let stage: Stage;
    let browser: Browser;
    let context: BrowserContext;
    let page: Page;
    const outside: string[] = [];
    const faults: string[] = [];
    before(async () => {
      [stage, browser] = await Promise.all([
        openStage(kind, {
          DASHBOARD_USER: login.user,
          DASHBOARD_PASSWORD: login.password,
          DECNET_INTERVAL: '5',
        }),
        openBrowser(),
      ]);
      context = await browser.newContext({ ...signing(login), viewport: { width: 1280, height: 800 } });
      page = await context.newPage();
      page.on('request', (request) => {
        if (!request.url().startsWith(stage.url) && !request.url().startsWith('data:'))
          outside.push(request.url());
      });
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') faults.push(message.text());
      });
    });
    after(async () => {
      await browser.close();
      await stage.close();
    });

    const row = (name: string): string => `tr[data-key="host-a ${name}"]`;
    const isLive = async (): Promise<void> =>
      void (await page.waitForSelector('#stream[data-state=live]', { timeout: 15_000 }));
    const says = (where: string, pattern: RegExp, on = page): Promise<void> =>
      waitFor(async () => pattern.test(await on.innerText(where)), seenWithin);
    const open = async (path: string): Promise<void> => {
      await page.goto(stage.url + path);
      await isLive();
    };

    test('a killed container changes on the page, without a reload', async () => {
      await open('/');
      await page.waitForSelector(`${row('web-01')}[data-state=running]`);
      await page.evaluate('document.body.dataset.mine = "kept"');
      await stage.engine.container('web-01-https').kill();
      await page.waitForSelector(`${row('web-01')}[data-state=degraded]`, { timeout: seenWithin });
      assert.match(await page.innerText(row('web-01')), /https: exited, code 137 \(killed\)/);
      assert.equal(await page.getAttribute('body', 'data-mine'), 'kept');
      assert.equal(await page.textContent('#announced'), 'web-01 degraded');
      assert.match(await page.innerText('#totals'), /6 deckies[\s\S]*5\s+●\s+running[\s\S]*1\s+◐\s+degraded/);
      await stage.engine.container('web-01-https').start();
      await page.waitForSelector(`${row('web-01')}[data-state=running]`, { timeout: seenWithin });
    });

    test('an incident is at the top of the page while it lasts, without a reload', async () => {
      await open('/');
      await page.evaluate('document.body.dataset.mine = "kept"');
      await stage.engine.container('mail-01-imap').kill();
      // Five times the 25 s within which a container that somebody ended is an incident.
      const says = (pattern: RegExp): Promise<void> =>
        waitFor(async () => pattern.test(await page.innerText('#incidents')), 125_000);
      await says(
        /What is wrong now\s+warning: imap: exited with code 137 [^\n]*\s+1 host, 1 decky: host-a\/mail-01/i,
      );
      await stage.engine.container('mail-01-imap').start();
      await says(/^\s*$/);
      assert.equal(await page.getAttribute('body', 'data-mine'), 'kept');
    });

    test('filters apply immediately and are kept in the address, which restores them', async () => {
      await open('/');
      await page.fill('input[name=q]', 'web');
      await page.waitForSelector(row('db-01'), { state: 'detached' });
      await page.selectOption('select[name=service]', 'ssh');
      await page.waitForSelector(row('web-01'), { state: 'detached' });
      assert.equal(new URL(page.url()).search, '?q=web&service=ssh');
      await page.reload();
      assert.deepEqual(await page.locator('tr[data-key] th').allInnerTexts(), ['web-02']);
      await page.goto(`${stage.url}/?q=nothing-is-called-so`);
      assert.match(await page.innerText('#hosts'), /No decky matches the filters/);
      await open('/?sort=name');
      const names = await page.locator('tr[data-key] th').allInnerTexts();
      assert.deepEqual(names, [...names].sort());
    });

    test('words and states are combined; what is not understood is said', async () => {
      await stage.engine.container('web-02-ssh').kill();
      await open('/?state=broken&q=ssh+137');
      await page.waitForSelector(`${row('web-02')}[data-state=degraded]`, { timeout: seenWithin });
      assert.deepEqual(await page.locator('tr[data-key] th').allInnerTexts(), ['web-02']);
      assert.equal(await page.inputValue('select[name=state]'), 'broken');
      await page.goto(`${stage.url}/?state=broken&q=smtp+137`);
      assert.match(await page.innerText('#hosts'), /No decky matches the filters/);
      await page.goto(`${stage.url}/?state=degradd`);
      assert.match(
        await page.innerText('[role=alert]'),
        /state "degradd" is not a state\. Did you mean degraded\? Allowed: broken, /,
      );
      await stage.engine.container('web-02-ssh').start();
    });

    test('an explanation appears and vanishes with its cause, while the focus stays', async () => {
      await open('/');
      await page.focus(`${row('web-01')} a`);
      const file = readFileSync(stage.host.stateFile, 'utf8');
      stage.host.writeText('{');
      try {
        await says('#hosts .host', /cannot|is not/);
      } finally {
        stage.host.writeText(file);
      }
      await waitFor(async () => (await page.locator('#hosts .trouble').count()) === 0, 2 * seenWithin);
      assert.equal(await page.evaluate('document.activeElement.textContent'), 'web-01');
    });

    test('all hosts in a table; times instead of ages; paper is light', async () => {
      await open('/hosts');
      assert.match(await page.innerText('table.hosts tbody'), /host-a\s+yes\s+\d+ (s|min) ago\s+ok\s+6/);
      await page.focus('#times');
      await page.keyboard.press('Enter');
      assert.match(await page.innerText('table.hosts .age'), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
      await open('/');
      assert.match(await page.innerText('table.deckies .age'), /^\d{4}-\d\d-\d\d/);
      await page.click('#times');
      assert.match(await page.innerText('table.deckies .age'), /^\d+ /);
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      assert.equal(
        await page.evaluate('getComputedStyle(document.body).backgroundColor'),
        'rgb(246, 247, 248)',
      );
      await page.emulateMedia({ media: 'screen', colorScheme: 'light' });
    });

    test('a decky’s page: desired, recorded, observed, history, availability; secrets masked', async () => {
      await stage.engine.container('files-01-smb').kill();
      await open('/deckies/host-a/files-01');
      await says('.three', /Recorded[\s\S]*failed[\s\S]*Observed[\s\S]*failed/);
      await says('main', /running → ✖ failed/);
      const text = await page.innerText('main');
      assert.match(
        text,
        /Desired[\s\S]*declared[\s\S]*Recorded[\s\S]*failed[\s\S]*Observed[\s\S]*Containers[\s\S]*files-01-smb\s+smb\s+exited, code 137 \(killed\)[^\n]*≠ down\s+docker logs --tail 10 files-01-smb/,
      );
      assert.match(text, /The file and the row are equal/);
      assert.match(text, /Last day\s+\d+(\.\d\d)? %/);
      const whole = await page.content();
      assert.doesNotMatch(whole, /correct-horse/);
      assert.match(whole, /\*\*\*/);
      await stage.engine.container('files-01-smb').start();
      await says('.three', /Recorded[\s\S]*running[\s\S]*Observed[^✖]*running/);
    });

    test('a change between the page and its stream is shown, with other readers and under the pointer', async () => {
      const watcher = await context.newPage();
      await watcher.goto(stage.url);
      await watcher.waitForSelector('#stream[data-state=live]');
      const stale = await context.newPage();
      let letListen: () => void = () => undefined;
      const mayListen = new Promise<void>((go) => (letListen = go));
      await stale.route('**/api/events', async (route) => {
        await mayListen;
        await route.continue();
      });
      await stale.goto(`${stage.url}/deckies/host-a/printer-01`);
      assert.match(await stale.innerText('.three'), /Recorded[\s\S]*running/);
      await stale.hover('.three');
      await stage.engine.container('printer-01-snmp').kill();
      await watcher.waitForSelector(`${row('printer-01')}[data-state=failed]`, { timeout: seenWithin });
      assert.doesNotMatch(await stale.innerText('.three'), /failed/);
      letListen();
      await says('.three', /Recorded[\s\S]*failed[\s\S]*Observed[\s\S]*failed/, stale);
      await stage.engine.container('printer-01-snmp').start();
      await watcher.waitForSelector(`${row('printer-01')}[data-state=running]`, { timeout: seenWithin });
      await says('.three', /Recorded[\s\S]*running[\s\S]*Observed[^✖]*running/, stale);
      await Promise.all([watcher.close(), stale.close()]);
    });

    test('Reconcile now: the pass is enqueued, and appears among the last ones', async () => {
      await open('/hosts/host-a');
      await page.click('text=Reconcile now');
      await page.waitForURL(/asked=/);
      const job = new URL(page.url()).searchParams.get('asked') ?? '';
      assert.match(await page.innerText('.said'), new RegExp(`Enqueued job #${job}`));
      await page.waitForSelector(`tr[data-key="pass ${job}"]`, { timeout: seenWithin });
      assert.match(await page.innerText(`tr[data-key="pass ${job}"]`), /manual\s+no changes/);
    });

    test('Plan: the changes of a pass', async () => {
      await open('/hosts/host-a');
      await page.click('text=Plan');
      assert.match(await page.innerText('main'), /No changes/);
    });

    test('Bull Board: the queues, a job’s data and result; a job from its form is a one-shot', async () => {
      await page.goto(`${stage.url}/queues/`);
      await page.waitForSelector('text=host-a');
      await page.goto(`${stage.url}/hosts/host-a/queue`);
      await page.waitForURL(/\/queues\/queue\/reconcile\.host-a/);
      await page.waitForSelector('text=host_uuid');
      const added = await page.evaluate(
        `fetch('/queues/api/queues/reconcile.host-a/add', { method: 'POST', headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ name: 'by hand', data: { host_uuid: 'host-a' }, options: {} }) }).then((r) => r.status)`,
      );
      assert.equal(added, 200);
      await page.click('#back');
      await page.waitForURL(`${stage.url}/`);
      await open('/hosts/host-a');
      await says('#passes', /not given/);
    });

    test('a lost connection is shown, and restored', async () => {
      const second = await dashboard(stage);
      try {
        const other = await context.newPage();
        await other.goto(second.url);
        await other.waitForSelector('#stream[data-state=live]');
        second.running.child.kill('SIGKILL');
        await second.running.finished;
        await other.waitForSelector('#stream[data-state=lost]');
        assert.match(await other.innerText('#stream'), /reconnecting … showing \d+ s old data/);
        // Said once; the seconds are not.
        assert.equal(await other.textContent('#announced'), 'Live updates are interrupted');
        assert.equal(await other.getAttribute('#stream', 'role'), null);
        await stage.engine.container('db-01-redis').kill();
        const again = await dashboard(stage, second.port);
        await other.waitForSelector('#stream[data-state=live]', { timeout: 30_000 });
        await other.waitForSelector(`${row('db-01')}[data-state=degraded]`, { timeout: seenWithin });
        again.running.child.kill();
        await again.running.finished;
        await other.close();
        await stage.engine.container('db-01-redis').start();
      } finally {
        second.running.child.kill();
      }
    });

    // The pages are the same with each store, and 24 of them are much work for a browser.
    if (kind === stores.find((one) => noStore(one) === false))
      test('light and dark, on a desktop and a phone: no serious accessibility problem, no horizontal scrolling', async () => {
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme });
          for (const width of [1280, 360]) {
            await page.setViewportSize({ width, height: 800 });
            for (const path of [
              '/',
              '/hosts',
              '/hosts/host-a',
              '/hosts/host-a/plan',
              '/deckies/host-a/web-01',
              '/history',
              '/?q=none-such',
            ]) {
              await open(path);
              const at = `${path} ${colorScheme} ${width}`;
              assert.deepEqual(await problemsOf(page), [], at);
            }
          }
        }
        await page.emulateMedia({ colorScheme: 'light' });
        await page.setViewportSize({ width: 1280, height: 800 });
        await open('/');
        await page.click('#theme');
        await page.click('#theme');
        assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
        await page.reload();
        assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
      });

    test('a wrong login is refused', async () => {
      const stranger = await browser.newContext(signing({ ...login, password: 'wrong' }));
      const reply = await stranger.request.get(stage.url);
      assert.equal(reply.status(), 401);
      assert.doesNotMatch(await reply.text(), /host-a/);
      await stranger.close();
    });

    test('nothing was loaded from outside, and no script failed', () => {
      assert.deepEqual(outside, []);
      assert.deepEqual(
        faults.filter((text) => !/ERR_INTERNET_DISCONNECTED|ERR_CONNECTION/.test(text)),
        [],
      );
    });

    test('a host whose worker is gone: shown as stale, with its last known states', async () => {
      const second = await dashboard(stage);
      try {
        const other = await context.newPage();
        await other.goto(second.url);
        await other.waitForSelector('#stream[data-state=live]');
        stage.up.child.kill();
        await stage.up.finished;
        // Three intervals of 5 s.
        await other.waitForSelector('.host.stale', { timeout: 75_000 });
        assert.match(await other.innerText('.host.stale'), /STALE: last pass \d+ s ago \(3 intervals\)/);
        assert.ok((await other.locator(`${row('web-01')} .last-known`).count()) === 1);
        await other.goto(`${second.url}/deckies/host-a/web-01`);
        assert.match(await other.innerText('#decky'), /No worker is running on its host\. What is desired/);
        await other.goto(`${second.url}/hosts/host-a/plan`);
        assert.match(
          await other.innerText('main'),
          /No worker is running on host host-a, so a plan cannot be made/,
        );
        await other.close();
      } finally {
        second.running.child.kill();
        await second.running.finished;
      }
    });
  });
}

/** A separate dashboard beside the one of `up`. */
async function dashboard(stage: Stage, port = 0): Promise<{ running: Running; url: string; port: number }> {
  const running = start(['dashboard', '--port', String(port)], stage.env);
  const found = /dashboard is at (http:\S+:(\d+))/.exec(await running.said(/dashboard is at http:\S+:\d+/));
  return { running, url: found?.[1] ?? '', port: Number(found?.[2]) };
}
