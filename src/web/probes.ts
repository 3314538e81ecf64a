import type { FastifyInstance } from 'fastify';
import { version } from '../lib/package.ts';
import { metricsContentType, metricsText } from './metrics.ts';
import type { WebPorts } from './ports.ts';

/** Open incidents that are counted. */
const incidentsAtMost = 10_000;

/** The routes for monitoring: is it alive, is it ready, and the metrics. */
export function registerProbes(app: FastifyInstance, ports: WebPorts): void {
  app.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', async (_request, reply) => {
    const isReady = await Promise.all([ports.report.intervals(), ports.queues.check()]).then(
      () => true,
      () => false,
    );
    return reply
      .code(isReady ? 200 : 503)
      .type('text/plain')
      .send(isReady ? 'ok\n' : 'not ready\n');
  });
  app.get('/metrics', async (_request, reply) => {
    const [hosts, incidents, silences, heartbeat, undelivered, schedulers] = await Promise.all([
      ports.hostFigures().catch(() => null),
      ports.report.incidents({ open: true, since: null, limit: incidentsAtMost }).catch(() => null),
      ports.report.silences({ ended: false }).catch(() => null),
      ports.heartbeat().catch(() => null),
      ports.undelivered().catch(() => null),
      ports.countSchedulers().catch(() => null),
    ]);
    const queues = { up: schedulers !== null, schedulers };
    return reply
      .type(metricsContentType)
      .send(await metricsText({ version, hosts, incidents, silences, heartbeat, undelivered, queues }));
  });
}
