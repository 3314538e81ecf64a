import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { prefixOf, withoutPrefix } from '../../src/web/prefix.ts';
import { noBrowser, openBrowser, signing } from '../harness/browser.ts';
import { cli, type Running, start } from '../harness/cli.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { ask, basic } from '../harness/http.ts';
import { type PathProxy, proxyBelow } from '../harness/proxy.ts';
import { type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const login = { user: 'ops', password: 'secret-of-ops' };
const headers = { authorization: basic(login.user, login.password) };
const prefix = '/tools/decnet';
/** Five times the promised second until a change is on the page. */
const seenWithin = 5000;

describe('the path of the public address', () => {
  test('is removed only as a whole', () => {
    assert.equal(prefixOf(null), '');
    assert.equal(prefixOf('https://example.org/'), '');
    assert.equal(prefixOf('https://example.org/tools/decnet/'), prefix);
    for (const [path, ours] of [
      ['/tools/decnet', '/'],
      ['/tools/decnet/', '/'],
      ['/tools/decnet?q=a', '/?q=a'],
      ['/tools/decnet/hosts/a?b', '/hosts/a?b'],
      ['/hosts/a', '/hosts/a'],
      ['/tools/decnets', '/tools/decnets'],
      ['/', '/'],
    ] as const)
      assert.equal(withoutPrefix(path, prefix), ours, path);
    assert.equal(withoutPrefix('/hosts', ''), '/hosts');
  });

  test('is rejected if it could be one of the dashboard’s paths, or has other characters', () => {
    for (const path of ['/api', '/hosts/x', '/a%20b', '/a//b', '/a"b', '/a&b'])
      assert.throws(() => prefixOf(`https://example.org${path}`), { code: 'CONFIG_INVALID' }, path);
  });

  test('that is rejected: exit 2 with the reason', async () => {
    const env = {
      DATABASE_URL: 'postgresql://127.0.0.1:1/none',
      DASHBOARD_PUBLIC_URL: 'https://example.org/api',
    };
    const { code, stdout, stderr } = await cli(['dashboard', '--port', '0'], env);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^decnet-fleet: DASHBOARD_PUBLIC_URL has the path "\/api"\. Allowed: [^\n]*\n$/);
  });
});

for (const strips of [false, true])
  describe(`a dashboard below a path, behind a proxy that ${strips ? 'takes it off' : 'passes it on'}`, () => {
    let store: TestStore;
    let host: TestHost;
    let proxy: PathProxy;
    let worker: Running;
    let dashboard: Running;
    /** The address that it listens on. */
    let direct = '';

    before(async () => {
      store = await testStore('postgres');
      host = testHost();
      host.write([declaredDecky('web'), declaredDecky('mail')]);
      proxy = await proxyBelow(prefix, strips);
      const env = host.env({ ...store.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
      worker = start([], env, 'worker.ts');
      dashboard = start(['dashboard', '--port', '0'], {
        ...env,
        DASHBOARD_USER: login.user,
        DASHBOARD_PASSWORD: login.password,
        DASHBOARD_PUBLIC_URL: proxy.url,
      });
      const said = await dashboard.said(/dashboard is at .*\n/);
      assert.ok(said.includes(proxy.url), said);
      direct = /http:\/\/127\.0\.0\.1:\d+(?=[\s,)]|$)/m.exec(said.replaceAll(proxy.url, ''))?.[0] ?? '';
      proxy.show(direct);
      await waitFor(async () => (await get('/deckies/local/web')).status === 200);
    });
    after(async () => {
      for (const one of [worker, dashboard]) {
        one?.child.kill();
        await one?.finished;
      }
      await proxy?.close();
      await store?.drop();
      host?.remove();
    });
    const get = (path: string, method = 'GET') => ask(proxy.url + path, { method, headers });

    test('every link leads below it, to an existing page', async () => {
      const { origin } = new URL(proxy.url);
      const seen = new Set([`${prefix}/`, `${prefix}/nowhere`, `${prefix}/queues`]);
      for (const path of seen) {
        const { status, headers: of, body } = await ask(origin + path, { headers });
        assert.ok(status < 400 || path.endsWith('/nowhere'), `${path}: ${status}`);
        const location = of.location === undefined ? [] : [of.location];
        const isPage = String(of['content-type']).startsWith('text/html');
        // Bull Board's own are relative to its base.
        const base = new URL(/<base href="([^"]*)"/.exec(body)?.[1] ?? path, origin);
        const found = isPage
          ? [...body.matchAll(/ (?:href|src|action)="([^"#]+)"/g)].map(([, to = '']) => to)
          : [];
        for (const to of [...location, ...found]) {
          const url = new URL(to.replaceAll('&amp;', '&'), base);
          assert.equal(url.origin, origin, `${to} on ${path}`);
          assert.ok(url.pathname.startsWith(`${prefix}/`), `${to} on ${path}`);
          // One part of the day is as good as the others.
          const isRepeated = url.searchParams.has('until') && [...seen].some((one) => one.includes('until='));
          // Skip forms, and the plan, which waits for the worker.
          if (!/\/(reconcile|plan|pause|resume|logout)$/.test(url.pathname) && !isRepeated && seen.size < 200)
            seen.add(url.pathname + url.search);
        }
      }
      for (const path of [
        '/hosts/local',
        '/deckies/local/web',
        '/queues/',
        '/hosts',
        '/history',
        '/metrics',
        '/assets/live.js',
      ])
        assert.ok(
          [...seen].some((one) => one.startsWith(prefix + path)),
          path,
        );
      assert.deepEqual(proxy.strayed, []);
    });

    test('a form leads back below it', async () => {
      const { status, headers: of } = await get('/hosts/local/reconcile', 'POST');
      assert.equal(status, 303);
      assert.match(String(of.location), new RegExp(`^${prefix}/hosts/local\\?asked=`));
    });

    test('probes and direct requests need no path', async () => {
      for (const path of ['/healthz', '/readyz', '/metrics', '/', '/api/fleet'])
        assert.equal((await ask(direct + path, { headers })).status, 200, path);
    });

    describe('in a browser', { skip: noBrowser }, () => {
      let browser: Browser;
      let page: Page;
      const faults: string[] = [];
      before(async () => {
        browser = await openBrowser();
        page = await (await browser.newContext(signing(login))).newPage();
        page.on('pageerror', (error) => faults.push(error.message));
        page.on('response', (reply) => {
          if (reply.status() >= 400 && reply.status() !== 401)
            faults.push(`${reply.status()} ${reply.url()}`);
        });
      });
      after(() => browser.close());
      const isLive = () => page.waitForSelector('#stream[data-state=live]', { timeout: 15_000 });

      test('pages update, and filters are kept in the address', async () => {
        await page.goto(proxy.url);
        await isLive();
        host.write([declaredDecky('web'), declaredDecky('mail'), declaredDecky('files')]);
        await page.waitForSelector('tr[data-key="local files"]', { timeout: seenWithin });
        await page.fill('input[name=q]', 'mail');
        await page.waitForSelector('tr[data-key="local web"]', { state: 'detached' });
        assert.equal(page.url(), `${proxy.url}/?q=mail`);
        await page.reload();
        await page.fill('input[name=q]', '');
        await page.waitForSelector('tr[data-key="local web"]');
        assert.equal(page.url(), `${proxy.url}/`);
      });

      test('links and forms work, and a pass is enqueued', async () => {
        await page.goto(`${proxy.url}/`);
        await page.click('h2 >> text=local');
        await page.waitForURL(`${proxy.url}/hosts/local`);
        await isLive();
        await page.click('text=Reconcile now');
        await page.waitForURL(/asked=/);
        const job = new URL(page.url()).searchParams.get('asked') ?? '';
        await page.waitForSelector(`tr[data-key="pass ${job}"]`, { timeout: seenWithin });
      });

      test('Bull Board shows a queue and its jobs, also after a reload', async () => {
        await page.goto(`${proxy.url}/queues`);
        await page.click('a:has-text("reconcile.local")');
        await page.waitForURL(new RegExp(`^${proxy.url}/queues/queue/reconcile\\.local`));
        await page.goto(`${proxy.url}/hosts/local/queue`);
        await page.waitForURL(new RegExp(`^${proxy.url}/queues/queue/reconcile\\.local`));
        await page.waitForSelector('text=host_uuid');
        await page.reload();
        await page.waitForSelector('text=host_uuid');
      });

      test('no request went outside the path, and none failed', () => {
        assert.deepEqual(faults, []);
        assert.deepEqual(
          proxy.strayed.filter((path) => path !== '/favicon.ico'),
          [],
        );
      });
    });
  });
