import type { Query } from '../database/query.ts';
import { type JobData, scheduleQueue } from '../fleet/job.ts';
import type { Views } from '../web/ports.ts';
import type { Dashboard } from '../web/server.ts';
import type { Stores } from './stores.ts';

/** Starts the dashboard. @throws FleetError CONFIG_INVALID */
export async function openDashboard(
  stores: Stores,
  { host, port }: { host: string; port: number },
): Promise<Dashboard> {
  const { config, log } = stores;
  const [opened, backend, web, { pages }, { report }, request, { metricsSource }] = await Promise.all([
    stores.database(),
    stores.queues(),
    import('../web/server.ts'),
    import('../database/queries/pages.ts'),
    import('../database/queries/report.ts'),
    import('../queue/request.ts'),
    import('../database/queries/figures.ts'),
  ]);
  const figures = metricsSource(opened.query, config.intervalSeconds, config.hosts);
  const viewsOf = (query: Query): Views => ({
    report: report(query, config.intervalSeconds, config.hosts),
    pages: pages(query, config.intervalSeconds),
  });
  const ports = {
    ...viewsOf(opened.query),
    snapshot: <T>(work: (views: Views) => Promise<T>) => opened.snapshot((query) => work(viewsOf(query))),
    queues: backend,
    request: (data: JobData, timeout: number) =>
      request.requestPass(backend, data, timeout, { forget: true }),
    workerLives: (name: string) => request.workerLives(backend, name),
    hostFigures: figures.hosts,
    countSchedulers: () => backend.countWorkers(scheduleQueue),
    log,
  };
  const { login: credentials, publicUrl, dashboardHosts: names } = config;
  return stores.closing(await web.startDashboard(ports, { host, port, credentials, publicUrl, names }));
}
