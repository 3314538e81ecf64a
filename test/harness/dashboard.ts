import { pino } from 'pino';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { openApp } from '../../src/app/app.ts';
import { parseConfig } from '../../src/app/config.ts';
import { pausePort } from '../../src/app/dashboard.ts';
import { pages } from '../../src/database/queries/pages.ts';
import { report } from '../../src/database/queries/report.ts';
import type { WebLimits } from '../../src/web/limits.ts';
import type { WebPorts, WebSettings } from '../../src/web/ports.ts';
import { type Dashboard, startDashboard } from '../../src/web/server.ts';
import type { Env } from './cli.ts';
import { testHost } from './host.ts';
import { type StoreKind, type TestStore, testStore } from './stores.ts';

/** A dashboard in the test's process, with its own limits and a real store. */
export interface TestDashboard {
  readonly url: string;
  readonly acts: Dashboard['acts'];
  /** The log, as lines of JSON. */
  readonly logged: readonly string[];
  close(): Promise<void>;
}

export async function testDashboard(
  env: Env,
  settings: Partial<WebSettings> = {},
  limits?: WebLimits,
  /** What the workers answer; default: no worker is running. */
  request?: WebPorts['request'],
): Promise<TestDashboard> {
  const logged: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });
  const fleet = openApp(parseConfig(env), log);
  try {
    const [database, queues] = [await fleet.database(), await fleet.queues()];
    await database.migrate();
    await queues.prepare();
    const views = { report: report(database.query, 30), pages: pages(database.query, 30) };
    const ports: WebPorts = {
      ...views,
      snapshot: (work) => work(views),
      silences: await fleet.silences(),
      audit: await fleet.audit(),
      queues,
      request: request ?? (() => Promise.reject(new Error('no worker'))),
      isWorkerRunning: async () => request !== undefined,
      pauses: pausePort({ pauses: await fleet.pauses(), backend: queues }),
      hostFigures: async () => [],
      heartbeat: async () => null,
      undelivered: async () => [],
      countSchedulers: async () => 0,
      log,
    };
    const all: WebSettings = {
      host: '127.0.0.1',
      port: 0,
      credentials: null,
      usersFile: null,
      proxy: { header: null, trusted: [], role: 'look' },
      publicUrl: null,
      names: [],
      ...settings,
    };
    const dashboard = await startDashboard(ports, all, limits);
    const close = async (): Promise<void> => {
      await dashboard.close();
      await fleet.close();
    };
    return { url: dashboard.listensAt, acts: dashboard.acts, logged, close };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}

/** A dashboard with a store, a state file and browsers that nothing else uses. `close` closes all of them. */
export interface OwnDashboard extends TestDashboard, Pick<TestStore, 'db' | 'redisUrl'> {
  /** For another dashboard, and for commands, with the same store. */
  readonly env: Env;
  /** A page in a new browser. It signs each request, if the dashboard has credentials. */
  openPage(options?: BrowserContextOptions): Promise<Page>;
}

interface OwnSettings extends Partial<WebSettings> {
  readonly kind?: StoreKind;
  /** Statements that insert what the pages show. */
  readonly rows?: readonly string[];
  readonly limits?: WebLimits;
  /** As for `testDashboard`. */
  readonly request?: WebPorts['request'];
}

export async function ownDashboard(options: OwnSettings = {}): Promise<OwnDashboard> {
  const { kind = 'postgres', rows = [], limits, request, ...settings } = options;
  const opened = new AsyncDisposableStack();
  try {
    const host = opened.adopt(testHost(), (one) => one.remove());
    const { db, redisUrl, ...store } = opened.adopt(await testStore(kind), (one) => one.drop());
    for (const statement of rows) await db.query(statement);
    const env = host.env(store.env);
    const dashboard = opened.adopt(await testDashboard(env, settings, limits, request), (one) => one.close());
    const openPage = async (look?: BrowserContextOptions): Promise<Page> => {
      // Loaded only here: most tests of a dashboard need no browser.
      const { openBrowser, signing } = await import('./browser.ts');
      const browser = opened.adopt(await openBrowser(), (one) => one.close());
      const login = settings.credentials ? signing(settings.credentials) : {};
      return (await browser.newContext({ ...login, ...look })).newPage();
    };
    return { ...dashboard, db, redisUrl, env, openPage, close: () => opened.disposeAsync() };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}
