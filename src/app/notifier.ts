import type { Database } from '../database/database.ts';
import type { Log } from '../lib/log.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { CloseList } from './close-list.ts';
import type { Config } from './config.ts';
import { watchControl } from './control-watch.ts';
import { keepPauses } from './pause-keeper.ts';

/** What the notifier needs of its process. */
interface NotifierStores extends Pick<CloseList, 'closing'> {
  readonly config: Config;
  readonly log: Log;
  database(): Promise<Database>;
  queues(): Promise<QueueBackend>;
}

/** Starts what keeps the incidents and the pauses of hosts, and sends the notifications. Any number of processes may run it. */
export async function openNotifier(stores: NotifierStores): Promise<void> {
  const [opened, backend, { postgresOutbox }, { postgresPauses }, { startNotifier }] = await Promise.all([
    stores.database(),
    stores.queues(),
    import('../database/outbox.ts'),
    import('../database/pauses.ts'),
    import('../notify/notifier.ts'),
  ]);
  const { intervalSeconds, graceSeconds, historyDays, receivers, publicUrl } = stores.config;
  const outbox = postgresOutbox(opened, { intervalSeconds, graceSeconds, historyDays });
  stores.closing(keepPauses({ pauses: postgresPauses(opened.query), backend }, stores.log));
  const control = stores.closing(watchControl(backend));
  stores.closing(startNotifier(outbox, { receivers, publicUrl, control, log: stores.log }));
}
