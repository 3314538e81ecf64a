import { jobIdPrefix } from '../fleet/job.ts';
import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';
import { shortId } from '../lib/short-id.ts';

/** What the watch needs of its host's queue. */
export interface WatchedQueue {
  /** Adds a scheduled pass of this worker's own. */
  enqueue(jobId: string): Promise<unknown>;
  /** Ids of the scheduled passes that any worker of the host began lately. */
  recentIds(): Promise<readonly string[]>;
}

const isWorkers = (id: string): boolean => id.startsWith(jobIdPrefix.worker);

/**
 * A worker whose host was given no scheduled job for two intervals enqueues its own. Another worker of the host may take
 * them all: what the queue knows counts, too. @see CONTRACT.md, "The queue"
 */
export function scheduleWatch(
  { host, intervalSeconds, log }: { host: string; intervalSeconds: number; log: Log },
  queue: WatchedQueue,
) {
  const intervalMs = intervalSeconds * 1000;
  let lastMs = performance.now();
  /** Those of the last look, after an interval without a scheduled job; null: there was none. */
  let before: ReadonlySet<string> | null = null;
  let isLooking = false;
  const scheduler = outageLog<void>(
    () => log.warn({ host }, 'no scheduler is running: this worker schedules its own passes'),
    () => log.info({ host }, 'a scheduler is running again'),
  );

  const served = (): void => {
    lastMs = performance.now();
    before = null;
    scheduler.works();
  };
  const look = async (): Promise<void> => {
    const silentMs = performance.now() - lastMs;
    if (silentMs < intervalMs) return;
    const ids = await queue.recentIds();
    const known = before;
    before = new Set(ids);
    if (known === null) return;
    const news = ids.filter((id) => !known.has(id));
    if (news.some((id) => !isWorkers(id))) return served();
    if (silentMs < 2 * intervalMs) return;
    scheduler.failed();
    // Another worker of this host does so already.
    if (news.length === 0) await queue.enqueue(shortId(jobIdPrefix.worker));
  };
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    look()
      // The queue is down: that is reported elsewhere.
      .catch(() => undefined)
      .finally(() => {
        isLooking = false;
      });
  }, intervalMs);
  return {
    /** To be called for each job that begins here. */
    saw: (id: string | undefined, data: unknown): void => {
      if (typeof data !== 'object' || data === null || !('cause' in data) || data.cause !== 'schedule')
        return;
      if (id === undefined || !isWorkers(id)) served();
    },
    close: () => clearInterval(timer),
  };
}
