import { setTimeout as sleep } from 'node:timers/promises';
import { type JobData, jobIdPrefix, jobName, queueName } from '../fleet/job.ts';
import { type ScheduledHost, type Slot, slotsDue } from '../fleet/slots.ts';
import { reasonOf } from '../lib/errors.ts';
import { shortId } from '../lib/short-id.ts';
import type { QueueBackend, QueuedJob } from './backend.ts';

/** Jobs to add in one call: it blocks Redis for some milliseconds. */
const batchSize = 50;
/** Slots that are closer together than this many milliseconds are enqueued together. */
const tickMs = 20;

/** A round of the schedule. Times are in milliseconds. */
export interface Round {
  /** When the round is due: epoch milliseconds of the clock of the process that created it. */
  readonly due: number;
  readonly lengthMs: number;
  /** The process that ran it before was killed; the slots in the past were enqueued by it. */
  readonly isRepeated: boolean;
}

export interface RoundResult {
  readonly enqueued: number;
  /** The error for the queues that refused their job; null: none. */
  readonly refused: Error | null;
}

/**
 * Enqueues a pass for each host when its slot has come.
 * @param stillKnown returns those of the given hosts that are still known: a host that was retired must not get a new queue
 * @param stopping aborted: the rest is enqueued immediately
 */
export async function runRound(
  backend: QueueBackend,
  hosts: readonly ScheduledHost[],
  stillKnown: (hosts: readonly string[]) => Promise<readonly ScheduledHost[]>,
  round: Round,
  stopping: AbortSignal,
): Promise<RoundResult> {
  const started = performance.now();
  const { from, late } = placed(round, Date.now());
  const slots = [...slotsDue(hosts, from, from + round.lengthMs)]
    .filter(({ at }) => !round.isRepeated || at - from >= late)
    .sort((a, b) => a.at - b.at);
  const refused: Refusal[] = [];
  /** Milliseconds since the begin of the round, by a monotonic clock. */
  const passed = (): number => (stopping.aborted ? Infinity : performance.now() - started + late);
  for (let at = 0; at < slots.length; ) {
    const wait = (slots[at]?.at ?? 0) - from - passed();
    if (wait > 0) await sleep(Math.max(tickMs, wait), undefined, { signal: stopping }).catch(() => undefined);
    const until = from + passed();
    const due: Slot[] = [];
    for (let slot = slots[at]; slot !== undefined && due.length < batchSize; slot = slots[++at]) {
      if (slot.at > until) break;
      due.push(slot);
    }
    if (due.length === 0) continue;
    const names = due.map(({ host }) => host);
    // On an error assume that all are known: an unnecessary pass does no harm.
    const known = await stillKnown(names).then(
      (found) => new Set(found.map(({ host }) => host)),
      () => new Set(names),
    );
    const wanted = due.filter(({ host }) => known.has(host));
    if (wanted.length > 0) refused.push(...(await enqueue(backend, wanted.map(jobOf))));
  }
  return { enqueued: slots.length - refused.length, refused: refusalOf(refused) };
}

/**
 * The begin of the round and how late it is. If its due time is in the future, or longer ago than its length, it was set by
 * another clock or while no scheduler was running: then the round begins now.
 */
function placed({ due, lengthMs }: Round, now: number): { from: number; late: number } {
  const late = now - due;
  return late >= 0 && late < lengthMs ? { from: due, late } : { from: now, late: 0 };
}

const jobOf = ({ host }: Slot): QueuedJob => {
  const data: JobData = { host_uuid: host, cause: 'schedule' };
  return {
    queue: queueName(host),
    name: jobName,
    data,
    options: {
      jobId: shortId(jobIdPrefix.schedule),
      // At most one scheduled job of a host waits or runs: a dead host accumulates no jobs, and a long pass skips rounds.
      deduplication: { id: 'schedule' },
    },
  };
};

interface Refusal {
  readonly queue: string;
  readonly error: unknown;
}

async function enqueue(backend: QueueBackend, jobs: readonly QueuedJob[]): Promise<readonly Refusal[]> {
  try {
    await backend.addToMany(jobs);
    return [];
  } catch (error) {
    // A queue that refuses its job must not affect the others. Jobs that were already added are deduplicated.
    const refused: Refusal[] = [];
    for (const job of jobs)
      await backend.addToMany([job]).catch((why: unknown) => refused.push({ queue: job.queue, error: why }));
    // All of several queues failed: the store has failed, not a queue.
    if (jobs.length > 1 && refused.length === jobs.length) throw error;
    return refused;
  }
}

function refusalOf([first, ...more]: readonly Refusal[]): Error | null {
  if (first === undefined) return null;
  const others = more.length === 0 ? '' : ` (and ${more.length} more queues)`;
  return new Error(`no job could be added to queue ${first.queue}${others}: ${reasonOf(first.error)}`);
}
