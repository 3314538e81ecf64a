import type { Query } from '../database/query.ts';
import { type JobData, scheduleQueue } from '../fleet/job.ts';
import { FleetError } from '../lib/errors.ts';
import { webhookVariable } from '../notify/addresses.ts';
import type { Service } from '../service-manager/service.ts';
import type { PausePort, Views, WebSettings } from '../web/ports.ts';
import type { Dashboard } from '../web/server.ts';
import type { Config } from './config.ts';
import type { PauseStores } from './pauses.ts';
import { pagesCheck } from './process-checks.ts';
import type { Stores } from './stores.ts';

/** Starts the dashboard. @param service what reports its progress; null: nothing does @throws FleetError CONFIG_INVALID */
export async function openDashboard(
  stores: Stores,
  { host, port }: { host: string; port: number },
  service: Service | null,
): Promise<Dashboard> {
  const { config, log } = stores;
  if (config.loginProblem !== null) throw new FleetError('CONFIG_INVALID', config.loginProblem);
  const [
    opened,
    backend,
    pauses,
    web,
    { pages },
    { report },
    request,
    { metricsSource },
    { undeliveredView },
    silences,
    audit,
  ] = await Promise.all([
    stores.database(),
    stores.queues(),
    stores.pauses(),
    import('../web/server.ts'),
    import('../database/queries/pages.ts'),
    import('../database/queries/report.ts'),
    import('../queue/request.ts'),
    import('../database/queries/figures.ts'),
    import('../database/undelivered.ts'),
    stores.silences(),
    stores.audit(),
  ]);
  const figures = metricsSource(opened.query, config.intervalSeconds, config.hosts);
  const viewsOf = (query: Query): Views => ({
    report: report(query, config.intervalSeconds, config.hosts),
    pages: pages(query, config.intervalSeconds),
  });
  const ports = {
    ...viewsOf(opened.query),
    snapshot: <T>(work: (views: Views) => Promise<T>) => opened.snapshot((query) => work(viewsOf(query))),
    silences,
    audit,
    queues: backend,
    request: (data: JobData, timeoutMs: number) =>
      request.requestPass(backend, data, timeoutMs, { forget: true }),
    isWorkerRunning: (name: string) => request.isWorkerRunning(backend, name),
    pauses: pausePort({ pauses, backend }),
    hostFigures: figures.hosts,
    heartbeat: figures.heartbeat,
    undelivered: () => undeliveredView(opened.query, config.receivers, webhookVariable),
    countSchedulers: () => backend.countWorkers(scheduleQueue),
    log,
  };
  const dashboard = await web.startDashboard(ports, { host, port, ...settingsOf(config) });
  stores.closing(dashboard);
  // A process that serves the pages also notices that no scheduler runs.
  await stores.notifier();
  service?.ready(`Serving ${dashboard.url}`, pagesCheck(dashboard.listensAt));
  return dashboard;
}

const settingsOf = (config: Config): Omit<WebSettings, 'host' | 'port'> => ({
  credentials: config.login,
  usersFile: config.usersFile,
  proxy: config.dashboardProxy,
  publicUrl: config.publicUrl,
  names: config.dashboardHosts,
});

/** Loaded on first use, as the other parts. */
export const pausePort = (stores: PauseStores): PausePort => ({
  pause: async (host, { by, why, seconds }) =>
    (await import('./pauses.ts')).pauseHost(stores, host, {
      by,
      why,
      end: seconds === null ? null : { seconds },
    }),
  resume: async (host) => (await import('./pauses.ts')).resumeHost(stores, host),
  resumed: async (host) => {
    if (await stores.pauses.isPaused(host)) await (await import('./pauses.ts')).resumeHost(stores, host);
  },
});
