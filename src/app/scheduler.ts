import type { ScheduledHost } from '../fleet/slots.ts';
import { untilReachable } from '../worker/until-reachable.ts';
import type { Stores } from './stores.ts';

/** Starts the schedule of all known hosts and the notifier. */
export async function openScheduler(stores: Stores): Promise<{ close(): Promise<void> }> {
  const { config, log } = stores;
  const [backend, { startScheduler }] = await Promise.all([stores.queues(), import('../queue/schedule.ts')]);
  await untilReachable(backend.check, stores.isClosed, log);
  await openNotifier(stores);
  const hosts = async (only?: readonly string[]): Promise<readonly ScheduledHost[]> => {
    const known = new Map(config.hosts.map((host) => [host, config.intervalSeconds]));
    for (const { host_uuid, interval_s } of await (await stores.report()).intervals(only))
      known.set(host_uuid, interval_s);
    return [...known].map(([host, seconds]) => ({ host, intervalMs: seconds * 1000 }));
  };
  return stores.closing(
    startScheduler(backend, {
      hosts,
      intervalMs: config.intervalSeconds * 1000,
      onError: (error) => {
        if (error === null) log.info('the schedule works again');
        else log.warn({ error }, 'the schedule failed; retrying');
      },
    }),
  );
}

async function openNotifier(stores: Stores): Promise<void> {
  const [opened, { postgresOutbox }, { startNotifier }] = await Promise.all([
    stores.database(),
    import('../database/outbox.ts'),
    import('../notify/notifier.ts'),
  ]);
  const { intervalSeconds, graceSeconds, webhookUrl, publicUrl } = stores.config;
  const outbox = postgresOutbox(opened, { intervalSeconds, graceSeconds });
  stores.closing(startNotifier(outbox, { webhookUrl, publicUrl, log: stores.log }));
}
