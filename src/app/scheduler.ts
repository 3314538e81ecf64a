import { scheduleQueue } from '../fleet/job.ts';
import type { ScheduledHost } from '../fleet/slots.ts';
import { countOf } from '../fleet/words.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { RoundCounts } from '../queue/schedule.ts';
import type { Service } from '../service-manager/service.ts';
import { untilMigrated } from '../worker/until-reachable.ts';
import { queueCheck } from './process-checks.ts';
import type { Stores } from './stores.ts';

/**
 * Starts the schedule of all known hosts, the notifier, and the heartbeat to the outside.
 * @param service what reports its progress; null: nothing does
 */
export async function openScheduler(
  stores: Stores,
  service: Service | null,
): Promise<{ close(): Promise<void> }> {
  const { config, log } = stores;
  const [backend, database, { startScheduler }] = await Promise.all([
    stores.queues(),
    stores.database(),
    import('../queue/schedule.ts'),
  ]);
  const ready = () => database.checkColumns().then(backend.check);
  await untilMigrated(service?.waitingFor(ready) ?? ready, stores.isClosed, log);
  await stores.notifier();
  const hosts = async (only?: readonly string[]): Promise<readonly ScheduledHost[]> => {
    const known = new Map(config.hosts.map((host) => [host, config.intervalSeconds]));
    for (const { host_uuid, interval_s } of await (await stores.report()).intervals(only))
      known.set(host_uuid, interval_s);
    return [...known].map(([host, seconds]) => ({ host, intervalMs: seconds * 1000 }));
  };
  const scheduler = stores.closing(
    startScheduler(backend, {
      hosts,
      intervalMs: config.intervalSeconds * 1000,
      watched: service === null ? undefined : (round) => service.watched('round', round, roundText),
      onError: (error) => {
        if (error === null) log.info('the schedule works again');
        else log.warn({ error }, 'the schedule failed; retrying');
      },
    }),
  );
  await openHeartbeat(stores, backend);
  service?.ready('Waiting for the first round', queueCheck(backend, scheduleQueue));
  return scheduler;
}

const roundText = ({ hosts, enqueued }: RoundCounts): string =>
  `${countOf(enqueued, 'job')} enqueued, ${countOf(hosts, 'host')} known`;

/** After the schedule is started, so that it is closed before it. */
async function openHeartbeat(stores: Stores, backend: QueueBackend): Promise<void> {
  const [opened, { postgresHeartbeat }, { lastRound }] = await Promise.all([
    stores.database(),
    import('../database/heartbeat.ts'),
    import('../queue/schedule.ts'),
  ]);
  const { heartbeatUrl, intervalSeconds } = stores.config;
  const record = postgresHeartbeat(opened.query, intervalSeconds);
  if (heartbeatUrl === null) {
    // What an earlier configuration sent is not missing now. Another scheduler that still sends it records it again.
    await record.forget().catch((error: unknown) => stores.log.debug({ error }, 'heartbeats not cleared'));
    return;
  }
  const { startHeartbeat } = await import('../notify/heartbeat.ts');
  const options = { address: heartbeatUrl, lastRound: () => lastRound(backend), log: stores.log };
  stores.closing(startHeartbeat(record, options));
}
