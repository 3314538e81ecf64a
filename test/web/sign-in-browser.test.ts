import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { hashPassword } from '../../src/lib/password-hash.ts';
import { noBrowser, openBrowser } from '../harness/browser.ts';
import { type TestDashboard, testDashboard } from '../harness/dashboard.ts';
import { type PathProxy, proxyBelow } from '../harness/proxy.ts';
import { type TestStore, testStore } from '../harness/stores.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const secret = 'secret-of-the-test';
const prefix = '/tools/decnet';
/** Milliseconds: five times the time until a stream checks its session. */
const seenWithin = 25_000;

describe('signing in with a browser, below a path', { skip: noBrowser }, () => {
  let store: TestStore;
  let directory: string;
  let proxy: PathProxy;
  let dashboard: TestDashboard;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** Dialogs of the browser for a login, which hide the page. */
  const challenges: string[] = [];

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-users-'));
    const file = join(directory, 'users');
    writeFileSync(file, `guest:look:${await hashPassword(secret)}\n`, { mode: 0o600 });
    store = await testStore('postgres');
    proxy = await proxyBelow(prefix, false);
    dashboard = await testDashboard(
      { ...store.env, DECNET_BUS_ENABLED: 'false' },
      { credentials: { user: 'ops', password: secret }, usersFile: file, publicUrl: proxy.url },
    );
    proxy.show(dashboard.url);
    await store.db.query(`insert into fleet_hosts (host_uuid, interval_s) values ('host-a', 30)`);
    browser = await openBrowser();
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    page.on('response', (reply) => {
      if (/^Basic/.test(reply.headers()['www-authenticate'] ?? '')) challenges.push(reply.url());
    });
  });
  after(async () => {
    await browser?.close();
    await dashboard?.close();
    await proxy?.close();
    await store?.drop();
    rmSync(directory, { recursive: true });
  });

  const fill = async (user: string, password: string, on = page): Promise<void> => {
    await on.fill('input[name=user]', user);
    await on.fill('input[name=password]', password);
    await on.click('button:has-text("Sign in")');
  };
  const isLive = (on = page) => on.waitForSelector('#stream[data-state=live]', { timeout: 15_000 });
  const accessible = async (on = page): Promise<void> => {
    await on.evaluate(axe);
    const found = (await on.evaluate('axe.run(document)')) as {
      violations: { id: string; nodes: unknown[] }[];
    };
    assert.deepEqual(
      found.violations.map(({ id, nodes }) => `${id}: ${JSON.stringify(nodes).slice(0, 300)}`),
      [],
    );
  };

  test('a page leads to the login and back; a wrong password says so', async () => {
    await page.goto(`${proxy.url}/hosts/host-a?x=1`);
    assert.match(page.url(), /\/tools\/decnet\/login\?to=/);
    await fill('ops', 'wrong');
    await page.waitForSelector('text=The name or the password is wrong.');
    await fill('ops', secret);
    await page.waitForURL(`${proxy.url}/hosts/host-a?x=1`);
    await isLive();
    assert.match(await page.innerText('.who'), /^ops\s+Sign out$/);
    const [cookie] = await context.cookies();
    assert.deepEqual(
      [cookie?.path, cookie?.httpOnly, cookie?.sameSite, cookie?.expires],
      [prefix, true, 'Lax', -1],
    );
  });

  test('somebody acts with the session, and finds it in the audit log', async () => {
    await page.click('button:has-text("Reconcile now")');
    await page.waitForSelector('text=Enqueued job');
    await page.click('footer >> text=Audit log');
    await page.waitForSelector('tr:has-text("reconcile"):has-text("host-a"):has-text("ops on a page")');
    await page.selectOption('select[name=act]', 'sign in');
    await page.click('button:has-text("Show")');
    await page.waitForSelector('tr:has-text("sign in"):has-text("refused")');
    assert.equal(await page.locator('tr:has-text("reconcile")').count(), 0);
    await page.goto(`${proxy.url}/queues/`);
    await page.waitForSelector('text=schedule');
  });

  for (const colorScheme of ['light', 'dark'] as const)
    test(`the login page and the audit log are accessible, on a phone and ${colorScheme}`, async () => {
      const phone = await browser.newContext({ colorScheme, viewport: { width: 360, height: 740 } });
      const on = await phone.newPage();
      await on.goto(`${proxy.url}/login?to=/audit`);
      const fits = () => on.evaluate('document.documentElement.scrollWidth <= window.innerWidth');
      assert.equal(await fits(), true);
      await accessible(on);
      await fill('guest', 'wrong', on);
      await on.waitForSelector('[role=alert]');
      await accessible(on);
      await fill('guest', secret, on);
      await on.waitForSelector('h1:has-text("Audit log")');
      assert.equal(await fits(), true);
      await accessible(on);
      await phone.close();
    });

  test('without scripts, too; who may only look sees no button', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    const on = await plain.newPage();
    await on.goto(`${proxy.url}/hosts/host-a`);
    await fill('guest', secret, on);
    await on.waitForSelector('h1:has-text("host-a")');
    assert.equal(await on.locator('button:has-text("Reconcile now"), button:has-text("Pause")').count(), 0);
    assert.match(await on.innerText('.who'), /^guest \(look\)\s+Sign out$/);
    await on.click('button:has-text("Sign out")');
    await on.waitForSelector('h1:has-text("Sign in")');
    await on.goto(`${proxy.url}/hosts`);
    await on.waitForSelector('h1:has-text("Sign in")');
    await plain.close();
  });

  test('a page says that its session was signed out in another window, with the way back', async () => {
    await page.goto(`${proxy.url}/hosts?page=1`);
    await isLive();
    const other = await context.newPage();
    await other.goto(`${proxy.url}/`);
    await other.click('button:has-text("Sign out")');
    await other.waitForSelector('h1:has-text("Sign in")');
    await page.waitForSelector('#stream[data-state=ended]', { timeout: seenWithin });
    assert.equal(await page.innerText('#stream'), 'Your session has ended. Sign in');
    await page.click('#stream >> text=Sign in');
    await fill('ops', secret);
    await page.waitForURL(`${proxy.url}/hosts?page=1`);
    await isLive();
  });

  test('so does a page that asks for its new content without a session', async () => {
    const cookies = await context.cookies();
    await context.clearCookies();
    await store.db.query(`insert into fleet_hosts (host_uuid, interval_s) values ('host-b', 30)`);
    await page.waitForSelector('#stream[data-state=ended]', { timeout: seenWithin });
    await context.addCookies(cookies);
  });

  test('so does a page whose dashboard has another password now', async () => {
    await page.goto(`${proxy.url}/hosts`);
    await isLive();
    await dashboard.close();
    dashboard = await testDashboard(
      { ...store.env, DECNET_BUS_ENABLED: 'false' },
      { credentials: { user: 'ops', password: 'another-secret' }, publicUrl: proxy.url },
    );
    proxy.show(dashboard.url);
    await page.waitForSelector('#stream[data-state=ended]', { timeout: seenWithin });
    assert.deepEqual(challenges, []);
  });
});
