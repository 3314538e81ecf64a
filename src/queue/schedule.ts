import type { Job, JobSchedulerJson, Queue } from 'bullmq';
import { scheduleQueue } from '../fleet/job.ts';
import type { ScheduledHost } from '../fleet/slots.ts';
import { outageLog } from '../lib/outage-log.ts';
import { withinLimit } from '../lib/within-limit.ts';
import type { QueueBackend } from './backend.ts';
import { runRound } from './round.ts';

const schedulerId = 'reconcile';
/** A round that is late by this many milliseconds was lost; a round that is early by as much was set by another clock. */
const toleratedMs = 5000;
/** The longest round in milliseconds. New hosts and changed intervals take effect with the next round. */
const longestRoundMs = 30_000;

/** The result of a round's job. */
export interface RoundCounts {
  readonly hosts: number;
  readonly enqueued: number;
}

export interface ScheduleOptions {
  /** The hosts to serve, with their intervals. @param only limits the query to these hosts; the result may include others */
  hosts(only?: readonly string[]): Promise<readonly ScheduledHost[]>;
  /** The interval of hosts without their own interval, in milliseconds. */
  readonly intervalMs: number;
  /** Milliseconds between two checks of the schedule; default: 15 s. */
  readonly repairEveryMs?: number;
  /** Runs each round, and so knows whether it ends. */
  readonly watched?: ((run: () => Promise<RoundCounts>) => Promise<RoundCounts>) | undefined;
  /** Called once with the first error of a failure, and once with null when it is over. */
  onError(error: unknown): void;
}

/**
 * Maintains the one repeatable job and runs its rounds: each round enqueues a pass for every host at the host's slot. Any
 * number of processes may run it. No delayed jobs are used: their time would be set by the clock of one process and compared
 * with the clock of another.
 */
export function startScheduler(backend: QueueBackend, options: ScheduleOptions): { close(): Promise<void> } {
  const queue = backend.queue(scheduleQueue);
  const outage = outageLog(
    (error) => options.onError(error),
    () => options.onError(null),
  );
  const stopping = new AbortController();
  // With a time limit: a round that hangs would block all following rounds.
  const hostsNow = (only?: readonly string[]) => withinLimit(() => options.hosts(only));
  const { watched = (round) => round() } = options;
  const run = async (job: Job): Promise<RoundCounts> => {
    const hosts = await hostsNow();
    // A round covers the time until the next one. If the schedule was changed to longer rounds from outside, it is repaired, and
    // this round uses the right length: otherwise it would overlap with the rounds of the repaired schedule.
    const { repeat } = job.opts as { repeat?: { every?: number } };
    const needed = roundLength(hosts);
    const length = Math.min(repeat?.every ?? needed, needed);
    if (repeat?.every !== needed) void repair();
    const round = { due: dueAt(job), lengthMs: length, isRepeated: job.attemptsStarted > 1 };
    const { enqueued, refused } = await runRound(backend, hosts, hostsNow, round, stopping.signal);
    if (refused === null) outage.works();
    else outage.failed(refused);
    return { hosts: hosts.length, enqueued };
  };
  const worker = backend.worker(scheduleQueue, (job) => watched(() => run(job)));
  const roundLength = (hosts: readonly ScheduledHost[]): number =>
    Math.min(longestRoundMs, options.intervalMs, ...hosts.map(({ intervalMs }) => intervalMs));
  const repair = async (): Promise<void> => {
    try {
      await repairSchedule(queue, roundLength(await hostsNow()));
    } catch (error) {
      outage.failed(error);
    }
  };
  void repair();
  // The store may be empty after an outage.
  backend.onRecovered(() => void repair());
  void worker.run().catch(outage.failed);
  const timer = setInterval(() => void repair(), options.repairEveryMs ?? 15_000);
  return {
    close: async () => {
      clearInterval(timer);
      // The rest of the round is enqueued immediately: an early pass does no harm.
      stopping.abort();
      await worker.close();
    },
  };
}

/** When any scheduler last finished a round, in epoch milliseconds of its clock; null: none is kept. */
export async function lastRound(backend: Pick<QueueBackend, 'impatientQueue'>): Promise<number | null> {
  const [job] = await backend.impatientQueue(scheduleQueue).getJobs(['completed'], 0, 0);
  return job?.finishedOn ?? null;
}

/**
 * When a round was due, in epoch milliseconds. BullMQ writes it into the job's id (`repeat:reconcile:<time>`) on both stores.
 * The job's timestamp is the time of its creation, and its delay is removed when it becomes due.
 */
const dueAt = ({ id }: Job): number => Number(id?.split(':').at(-1)) || Date.now();

/** Repairs the schedule when it is missing or duplicate, has another interval, is late or far ahead, or has no next job. */
async function repairSchedule(queue: Queue, every: number): Promise<void> {
  const found = await queue.getJobSchedulers();
  for (const { key } of found) if (key !== schedulerId) await queue.removeJobScheduler(key);
  const ours = found.find(({ key }) => key === schedulerId);
  if (ours !== undefined && (ours.every === every || (await isOfAnother(queue, ours, every)))) {
    const ahead = (ours.next ?? 0) - Date.now();
    // A process with a wrong clock may have set the next round far in the future.
    const isRight = ahead > -toleratedMs && ahead < (ours.every ?? every) + toleratedMs;
    if (isRight && (await hasNext(queue))) return;
    // An upsert with the same values would not change the next time.
    await queue.removeJobScheduler(schedulerId);
  }
  await queue.upsertJobScheduler(schedulerId, { every }, { name: 'round', data: { length: every } });
}

/**
 * Whether the schedule has shorter rounds because another running scheduler needs them, with other hosts or another interval.
 * Shorter rounds also serve the hosts of this scheduler.
 */
async function isOfAnother(
  queue: Queue,
  { every, template }: JobSchedulerJson,
  needed: number,
): Promise<boolean> {
  const made = (template?.data as { length?: unknown } | undefined)?.length;
  return every !== undefined && every < needed && made === every && (await queue.getWorkersCount()) > 1;
}

/** Whether the next round is enqueued. Checked twice: between two rounds there is none for an instant. */
async function hasNext(queue: Queue): Promise<boolean> {
  for (const pause of [0, 200]) {
    await new Promise((done) => setTimeout(done, pause));
    const counts = await queue.getJobCounts('delayed', 'waiting', 'prioritized');
    if (Object.values(counts).some((count) => count > 0)) return true;
  }
  return false;
}
