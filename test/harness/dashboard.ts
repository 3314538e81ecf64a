import { pino } from 'pino';
import { openApp } from '../../src/app/app.ts';
import { parseConfig } from '../../src/app/config.ts';
import { pausePort } from '../../src/app/dashboard.ts';
import { pages } from '../../src/database/queries/pages.ts';
import { report } from '../../src/database/queries/report.ts';
import type { WebLimits } from '../../src/web/limits.ts';
import type { WebPorts, WebSettings } from '../../src/web/ports.ts';
import { type Dashboard, startDashboard } from '../../src/web/server.ts';
import type { Env } from './cli.ts';

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
  /** What the workers answer; default: no worker lives. */
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
      workerLives: async () => request !== undefined,
      pauses: pausePort({ pauses: await fleet.pauses(), backend: queues }),
      hostFigures: async () => [],
      heartbeat: async () => null,
      undelivered: async () => [],
      countSchedulers: async () => 0,
      log,
    };
    const place: WebSettings = {
      host: '127.0.0.1',
      port: 0,
      credentials: null,
      usersFile: null,
      proxy: { header: null, trusted: [], role: 'look' },
      publicUrl: null,
      names: [],
      ...settings,
    };
    const dashboard = await startDashboard(ports, place, limits);
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
