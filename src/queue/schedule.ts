import { randomBytes } from 'node:crypto';
import type { Queue } from 'bullmq';
import { reasonOf } from '../errors.ts';
import { type JobData, jobName, queueName, scheduleQueue } from '../fleet/job.ts';
import { type ScheduledHost, type Slot, slotsDue } from '../fleet/slots.ts';
import type { QueueBackend, QueuedJob } from './backend.ts';

const schedulerId = 'reconcile';
/** Milliseconds between two looks at the schedule itself. */
const mendEvery = 15_000;
/** Milliseconds: a round that is this late was lost. */
const lostAfter = 5000;

export interface ScheduleOptions {
  /** The hosts to serve now, each with its interval. */
  hosts(): Promise<readonly ScheduledHost[]>;
  /** Milliseconds: of hosts that have none of their own. */
  readonly interval: number;
  onError(error: unknown): void;
}

/**
 * Keeps the one repeatable job alive and serves it: each round enqueues a pass for every host whose slot falls into it.
 * Any number of processes may do so.
 */
export function startScheduler(backend: QueueBackend, options: ScheduleOptions): { close(): Promise<void> } {
  const queue = backend.queue(scheduleQueue);
  const worker = backend.worker(scheduleQueue, async (job) => {
    const hosts = await options.hosts();
    // A round covers the time until the next one: of the schedule as it is, until it is mended to what it should be.
    const { repeat } = job.opts as { repeat?: { every?: number } };
    const every = repeat?.every ?? roundLength(hosts);
    if (every !== roundLength(hosts)) void mend();
    const { enqueued, refused } = await enqueueRound(backend, hosts, dueAt(job.id), every);
    if (refused !== null) options.onError(refused);
    return { hosts: hosts.length, enqueued };
  });
  const roundLength = (hosts: readonly ScheduledHost[]): number =>
    Math.min(options.interval, ...hosts.map(({ interval }) => interval));
  const mend = async (): Promise<void> => {
    try {
      await mendSchedule(queue, roundLength(await options.hosts()));
    } catch (error) {
      options.onError(error);
    }
  };
  void mend();
  // It may be another, empty store.
  backend.onRecovered(() => void mend());
  void worker.run().catch(options.onError);
  const timer = setInterval(() => void mend(), mendEvery);
  return {
    close: async () => {
      clearInterval(timer);
      await worker.close();
    },
  };
}

/**
 * When a round was due, in epoch milliseconds: BullMQ writes it into the id of the job (`repeat:reconcile:<time>`) on
 * both stores. The job's own times say when it was made, and its delay is forgotten when it becomes due.
 */
const dueAt = (jobId: string | undefined): number => Number(jobId?.split(':').at(-1)) || Date.now();

/** Jobs that are added at once: some milliseconds, during which Redis does nothing else. */
const atOnce = 50;

async function enqueueRound(
  backend: QueueBackend,
  hosts: readonly ScheduledHost[],
  from: number,
  length: number,
): Promise<{ enqueued: number; refused: Error | null }> {
  const slots = [...slotsDue(hosts, from, from + length)].sort((a, b) => a.at - b.at);
  const refused: { readonly queue: string; readonly error: unknown }[] = [];
  for (let at = 0; at < slots.length; at += atOnce) {
    const jobs = slots.slice(at, at + atOnce).map(jobOf);
    try {
      await backend.addToMany(jobs);
    } catch (error) {
      // One queue that takes nothing must not keep the others from theirs. What was added already is not doubled.
      const before = refused.length;
      for (const job of jobs)
        await backend
          .addToMany([job])
          .catch((why: unknown) => refused.push({ queue: job.queue, error: why }));
      // None of many: it is the store, and not one queue.
      if (jobs.length > 1 && refused.length - before === jobs.length) throw error;
    }
  }
  const [first, ...more] = refused;
  const others = more.length === 0 ? '' : ` (and ${more.length} more queues)`;
  return {
    enqueued: slots.length - refused.length,
    refused:
      first === undefined
        ? null
        : new Error(`no job could be added to queue ${first.queue}${others}: ${reasonOf(first.error)}`),
  };
}

function jobOf({ host, at }: Slot): QueuedJob {
  const data: JobData = { host_uuid: host, cause: 'schedule' };
  return {
    queue: queueName(host),
    name: jobName,
    data,
    options: {
      // Short, since people read it; by chance, since after a clock was set back a kept job would be in its way.
      jobId: `s${randomBytes(4).toString('hex')}`,
      delay: Math.max(0, at - Date.now()),
      // While one is waiting or running there is no other: a dead host piles up nothing, a long pass skips.
      deduplication: { id: 'schedule' },
    },
  };
}

/** The schedule is reconciled, too: missing, doubled, of another interval, standing still, or without its next job. */
async function mendSchedule(queue: Queue, every: number): Promise<void> {
  const found = await queue.getJobSchedulers();
  for (const { key } of found) if (key !== schedulerId) await queue.removeJobScheduler(key);
  const ours = found.find(({ key }) => key === schedulerId);
  if (ours !== undefined && ours.every === every) {
    const isLate = (ours.next ?? 0) < Date.now() - lostAfter;
    if (!isLate && (await hasNext(queue))) return;
    // Upserting the same again would move nothing.
    await queue.removeJobScheduler(schedulerId);
  }
  await queue.upsertJobScheduler(schedulerId, { every }, { name: 'round', data: {} });
}

/** The next round waits somewhere. Asked twice: between two rounds it is nowhere for an instant. */
async function hasNext(queue: Queue): Promise<boolean> {
  for (const pause of [0, 200]) {
    await new Promise((done) => setTimeout(done, pause));
    const counts = await queue.getJobCounts('delayed', 'waiting', 'active', 'prioritized');
    if (Object.values(counts).some((count) => count > 0)) return true;
  }
  return false;
}
