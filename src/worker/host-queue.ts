import { type Cause, jobName, queueName } from '../fleet/job.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { WatchedQueue } from './schedule-watch.ts';

/** Index of the last job to read. A queue gets fewer jobs than this in an interval, unless its host is very busy. */
const lastRecentJob = 49;

/** Options of a job. */
interface JobOptions {
  readonly jobId?: string;
  readonly deduplication?: { readonly id: string; readonly keepLastIfActive?: boolean };
}

/** The queue of one host, as its worker uses it. */
export interface HostQueue extends WatchedQueue {
  /** Enqueues a pass. @returns the id of its job */
  add(data: { deckies?: readonly string[]; cause: Cause }, options?: JobOptions): Promise<string | undefined>;
  /** Resolves when no job is left, or the queue is paused. */
  drained(): Promise<void>;
}

export function hostQueue(backend: QueueBackend, host: string): HostQueue {
  const queue = backend.queue(queueName(host));
  const add: HostQueue['add'] = async (data, options = {}) => {
    const job = await queue.add(jobName, { host_uuid: host, ...data }, options);
    return job.id;
  };
  return {
    add,
    recentIds: async () => {
      const jobs = await queue.getJobs(['active', 'completed', 'failed'], 0, lastRecentJob);
      return jobs.flatMap((job) => (job?.data?.cause === 'schedule' && job.id !== undefined ? [job.id] : []));
    },
    enqueue: async (jobId) => {
      // Version 0.1 enqueued delayed passes. One that a wrong clock set for tomorrow would block all passes until then.
      const delayed = await queue.getDelayed();
      for (const job of delayed.filter(({ data }) => data?.cause === 'schedule')) await job.remove();
      await add({ cause: 'schedule' }, { deduplication: { id: 'schedule' }, jobId });
    },
    isPaused: () => queue.isPaused(),
    drained: async () => {
      while (true) {
        const counts = await queue.getJobCounts('waiting', 'active', 'prioritized');
        if (Object.values(counts).every((count) => count === 0) || (await queue.isPaused())) return;
        await new Promise((done) => setTimeout(done, 100));
      }
    },
  };
}
