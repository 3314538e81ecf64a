import type { Database } from '../database/database.ts';
import type { Log } from '../lib/log.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { CloseList } from './close-list.ts';
import type { Config } from './config.ts';
import { watchControl } from './control-watch.ts';

/** What the notifier needs of its process. */
interface NotifierStores extends Pick<CloseList, 'closing'> {
  readonly config: Config;
  readonly log: Log;
  database(): Promise<Database>;
  queues(): Promise<QueueBackend>;
}

/** Starts what keeps the incidents and sends the notifications. Any number of processes may run it. */
export async function openNotifier(stores: NotifierStores): Promise<void> {
  const [opened, backend, { postgresOutbox }, { startNotifier }] = await Promise.all([
    stores.database(),
    stores.queues(),
    import('../database/outbox.ts'),
    import('../notify/notifier.ts'),
  ]);
  const { intervalSeconds, graceSeconds, receivers, publicUrl } = stores.config;
  const outbox = postgresOutbox(opened, { intervalSeconds, graceSeconds });
  const control = stores.closing(watchControl(backend));
  stores.closing(startNotifier(outbox, { receivers, publicUrl, control, log: stores.log }));
}
