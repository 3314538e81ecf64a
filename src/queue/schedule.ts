import type { Job, JobSchedulerJson, Queue } from 'bullmq';
import { scheduleQueue } from '../fleet/job.ts';
import type { ScheduledHost } from '../fleet/slots.ts';
import { withinLimit } from '../lib/within-limit.ts';
import type { QueueBackend } from './backend.ts';
import { runRound } from './round.ts';

const schedulerId = 'reconcile';
/** Milliseconds between two looks at the schedule itself. */
const repairEveryMs = 15_000;
/** Milliseconds: a round that is this late was lost, and one that is so much too early is of another clock. */
const toleratedMs = 5000;
/** Milliseconds: hosts that come, and intervals that change, are seen with the next round. */
const longestRoundMs = 30_000;

export interface ScheduleOptions {
  /** The hosts to serve now, each with its interval. @param only these, as far as they are still known, and maybe others */
  hosts(only?: readonly string[]): Promise<readonly ScheduledHost[]>;
  /** Milliseconds: of hosts that have none of their own. */
  readonly intervalMs: number;
  /** Told once of what began to fail, and once, with null, that it no longer does. */
  onError(error: unknown): void;
}

/**
 * Keeps the one repeatable job alive and serves it: each round enqueues a pass for every host when its slot in that round
 * has come. Any number of processes may do so. No job waits for a time of its own: that would be by the clock of the
 * process that added it, and be promoted by the clock of another one.
 */
export function startScheduler(backend: QueueBackend, options: ScheduleOptions): { close(): Promise<void> } {
  const queue = backend.queue(scheduleQueue);
  let isFailing = false;
  const report = (error: unknown): void => {
    if (isFailing === (error !== null)) return;
    isFailing = error !== null;
    options.onError(error);
  };
  const stopping = new AbortController();
  // A round that waited for ever would hold the schedule up, and with it the next ones.
  const hostsNow = (only?: readonly string[]) => withinLimit(() => options.hosts(only));
  const worker = backend.worker(scheduleQueue, async (job) => {
    const hosts = await hostsNow();
    // A round covers the time until the next one. One that was made longer by hand is repaired meanwhile, and ends when it should
    // have: else it would go on beside the rounds of the repaired schedule.
    const { repeat } = job.opts as { repeat?: { every?: number } };
    const needed = roundLength(hosts);
    const length = Math.min(repeat?.every ?? needed, needed);
    if (repeat?.every !== needed) void repair();
    const round = { due: dueAt(job), length, isRepeated: job.attemptsStarted > 1 };
    const { enqueued, refused } = await runRound(backend, hosts, hostsNow, round, stopping.signal);
    report(refused);
    return { hosts: hosts.length, enqueued };
  });
  const roundLength = (hosts: readonly ScheduledHost[]): number =>
    Math.min(longestRoundMs, options.intervalMs, ...hosts.map(({ intervalMs }) => intervalMs));
  const repair = async (): Promise<void> => {
    try {
      await mendSchedule(queue, roundLength(await hostsNow()));
    } catch (error) {
      report(error);
    }
  };
  void repair();
  // It may be another, empty store.
  backend.onRecovered(() => void repair());
  void worker.run().catch(report);
  const timer = setInterval(() => void repair(), repairEveryMs);
  return {
    close: async () => {
      clearInterval(timer);
      // What is left of the round is enqueued at once: a pass that comes early does no harm.
      stopping.abort();
      await worker.close();
    },
  };
}

/**
 * When a round was due, in epoch milliseconds: BullMQ writes it into the id of the job (`repeat:reconcile:<time>`) on
 * both stores. The job's own times say when it was made, and its delay is forgotten when it becomes due.
 */
const dueAt = ({ id }: Job): number => Number(id?.split(':').at(-1)) || Date.now();

/** The schedule is reconciled, too: missing, duplicate, of another interval, lost, far ahead, or without its next job. */
async function mendSchedule(queue: Queue, every: number): Promise<void> {
  const found = await queue.getJobSchedulers();
  for (const { key } of found) if (key !== schedulerId) await queue.removeJobScheduler(key);
  const ours = found.find(({ key }) => key === schedulerId);
  if (ours !== undefined && (ours.every === every || (await isOfAnother(queue, ours, every)))) {
    const ahead = (ours.next ?? 0) - Date.now();
    // A clock that was wrong leaves its next round in its own time: tomorrow, for ours.
    const isRight = ahead > -toleratedMs && ahead < (ours.every ?? every) + toleratedMs;
    if (isRight && (await hasNext(queue))) return;
    // Upserting the same again would move nothing.
    await queue.removeJobScheduler(schedulerId);
  }
  await queue.upsertJobScheduler(schedulerId, { every }, { name: 'round', data: { length: every } });
}

/**
 * Whether another scheduler that is running needs shorter rounds, since its hosts or its own interval are others: they
 * serve ours as well.
 */
async function isOfAnother(
  queue: Queue,
  { every, template }: JobSchedulerJson,
  needed: number,
): Promise<boolean> {
  const made = (template?.data as { length?: unknown } | undefined)?.length;
  return every !== undefined && every < needed && made === every && (await queue.getWorkersCount()) > 1;
}

/** The next round waits somewhere, beside one that runs. Asked twice: between two rounds it is nowhere for an instant. */
async function hasNext(queue: Queue): Promise<boolean> {
  for (const pause of [0, 200]) {
    await new Promise((done) => setTimeout(done, pause));
    const counts = await queue.getJobCounts('delayed', 'waiting', 'prioritized');
    if (Object.values(counts).some((count) => count > 0)) return true;
  }
  return false;
}
