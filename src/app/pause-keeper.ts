import { setTimeout as sleep } from 'node:timers/promises';
import { dueAction } from '../fleet/pause.ts';
import { reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';
import { enqueueFirstPass, isQueuePaused, resumeQueue } from '../queue/pause.ts';
import { type PauseStores, pauseAsRecorded } from './pauses.ts';

/** Milliseconds between two readings of the record. */
const everyMs = 3000;

/**
 * Keeps the queues as the record says: resumes the hosts whose pause is over, and pauses those again whose queues were lost with
 * their store. Any number of processes may run it.
 */
export function keepPauses(stores: PauseStores, log: Log): { close(): Promise<void> } {
  const stopping = new AbortController();
  const outage = outageLog(
    (error) => log.warn({ reason: reasonOf(error) }, 'the paused hosts cannot be checked; retrying'),
    () => log.info('the paused hosts are checked again'),
  );
  const running = (async () => {
    while (!stopping.signal.aborted) {
      try {
        for (const { host, isOver } of await stores.pauses.all()) await keep(stores, host, isOver, log);
        outage.works();
      } catch (error) {
        outage.failed(error);
      }
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    close: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function keep(stores: PauseStores, host: string, isOver: boolean, log: Log): Promise<void> {
  const { pauses, backend } = stores;
  const due = dueAction(isOver, isOver || (await isQueuePaused(backend, host)));
  if (due === 'pause') {
    await pauseAsRecorded(stores, host);
    log.warn({ host }, 'the queue of a paused host was not paused; paused it again');
  }
  if (due === 'resume') {
    // If this process ends here, the record makes the next one do the same.
    await resumeQueue(backend, host);
    const ended = await pauses.end(host, true);
    // Another process that has read the record earlier may have paused the queue in between.
    await resumeQueue(backend, host);
    if (ended === null) return;
    await enqueueFirstPass(backend, host);
    log.info({ host }, 'the pause of a host is over; resumed it');
  }
}
