import { jobIdPrefix } from '../fleet/job.ts';
import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';
import { shortId } from '../lib/short-id.ts';

/** The operations that the watch needs on its host's queue. */
export interface WatchedQueue {
  /** Enqueues a scheduled pass on behalf of this worker. */
  enqueue(jobId: string): Promise<unknown>;
  /** The ids of the scheduled passes that any worker of the host started recently. */
  recentIds(): Promise<readonly string[]>;
  /** Whether somebody paused it: then no scheduled job starts, although schedulers run. */
  isPaused(): Promise<boolean>;
}

const isWorkers = (id: string): boolean => id.startsWith(jobIdPrefix.worker);

/**
 * Enqueues a pass if the host got no scheduled job for two intervals. It checks the recent jobs of the queue, too,
 * because another worker of the host may take all the jobs. @see CONTRACT.md, "The queue"
 */
export function scheduleWatch(
  { host, intervalSeconds, log }: { host: string; intervalSeconds: number; log: Log },
  queue: WatchedQueue,
) {
  const intervalMs = intervalSeconds * 1000;
  let lastMs = performance.now();
  /** The recent ids at the last check; null: no check since this worker got a scheduled job. */
  let before: ReadonlySet<string> | null = null;
  let isChecking = false;
  const scheduler = outageLog<void>(
    () => log.warn({ host }, 'no scheduler is running; this worker schedules its own passes'),
    () => log.info({ host }, 'a scheduler is running again'),
  );

  const served = (): void => {
    lastMs = performance.now();
    before = null;
    scheduler.works();
  };
  const check = async (): Promise<void> => {
    const silentMs = performance.now() - lastMs;
    if (silentMs < intervalMs) return;
    if (await queue.isPaused()) {
      lastMs = performance.now();
      before = null;
      return;
    }
    const ids = await queue.recentIds();
    const known = before;
    before = new Set(ids);
    if (known === null) return;
    const added = ids.filter((id) => !known.has(id));
    if (added.some((id) => !isWorkers(id))) return served();
    if (silentMs < 2 * intervalMs) return;
    scheduler.failed();
    // Otherwise another worker of this host already does this.
    if (added.length === 0) await queue.enqueue(shortId(jobIdPrefix.worker));
  };
  const timer = setInterval(() => {
    if (isChecking) return;
    isChecking = true;
    check()
      // An outage of the queue is reported elsewhere.
      .catch(() => undefined)
      .finally(() => {
        isChecking = false;
      });
  }, intervalMs);
  return {
    /** Call this for each job that starts on this worker. */
    saw: (id: string | undefined, data: unknown): void => {
      if (typeof data !== 'object' || data === null || !('cause' in data) || data.cause !== 'schedule')
        return;
      if (id === undefined || !isWorkers(id)) served();
    },
    close: () => clearInterval(timer),
  };
}
