import { setTimeout as sleep } from 'node:timers/promises';
import { type JobData, jobIdPrefix, jobName, queueName } from '../fleet/job.ts';
import { type ScheduledHost, type Slot, slotsDue } from '../fleet/slots.ts';
import { reasonOf } from '../lib/errors.ts';
import { shortId } from '../lib/short-id.ts';
import type { QueueBackend, QueuedJob } from './backend.ts';

/** Jobs that are added at once: some milliseconds, during which Redis does nothing else. */
const atOnce = 50;
/** Milliseconds: slots that are closer together are enqueued together. */
const tickMs = 20;

/** A round of the schedule. Times in milliseconds. */
export interface Round {
  /** By the clock of the process that made it, since the epoch. */
  readonly due: number;
  readonly length: number;
  /** A process that ran it before was killed: what lies behind was done. */
  readonly isRepeated: boolean;
}

export interface RoundResult {
  readonly enqueued: number;
  /** The queues that took nothing; null: all did. */
  readonly refused: Error | null;
}

/**
 * Enqueues a pass for each host when its slot has come.
 * @param stillKnown those of some hosts that are: one that was retired since the round began must not get a queue again
 * @param stopping aborted: what is left is enqueued at once
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
  const slots = [...slotsDue(hosts, from, from + round.length)]
    .filter(({ at }) => !round.isRepeated || at - from >= late)
    .sort((a, b) => a.at - b.at);
  const refused: Refusal[] = [];
  /** Milliseconds of the round that are over, by a monotonic clock. */
  const passed = (): number => (stopping.aborted ? Infinity : performance.now() - started + late);
  for (let at = 0; at < slots.length; ) {
    const wait = (slots[at]?.at ?? 0) - from - passed();
    if (wait > 0) await sleep(Math.max(tickMs, wait), undefined, { signal: stopping }).catch(() => undefined);
    const until = from + passed();
    const due: Slot[] = [];
    for (let slot = slots[at]; slot !== undefined && due.length < atOnce; slot = slots[++at]) {
      if (slot.at > until) break;
      due.push(slot);
    }
    if (due.length === 0) continue;
    const names = due.map(({ host }) => host);
    // Without an answer all are: a pass too many does no harm.
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
 * Where the round lies, and how much of it is over. A round that is longer ago than it lasts, or ahead, was due by another
 * clock, or while no scheduler ran: it begins now.
 */
function placed({ due, length }: Round, now: number): { from: number; late: number } {
  const late = now - due;
  return late >= 0 && late < length ? { from: due, late } : { from: now, late: 0 };
}

const jobOf = ({ host }: Slot): QueuedJob => {
  const data: JobData = { host_uuid: host, cause: 'schedule' };
  return {
    queue: queueName(host),
    name: jobName,
    data,
    options: {
      jobId: shortId(jobIdPrefix.schedule),
      // While one is waiting or running there is no other: a dead host piles up nothing, a long pass skips.
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
    // One queue that takes nothing must not keep the others from theirs. What was added already is not doubled.
    const refused: Refusal[] = [];
    for (const job of jobs)
      await backend.addToMany([job]).catch((why: unknown) => refused.push({ queue: job.queue, error: why }));
    // None of many: it is the store, and not one queue.
    if (jobs.length > 1 && refused.length === jobs.length) throw error;
    return refused;
  }
}

function refusalOf([first, ...more]: readonly Refusal[]): Error | null {
  if (first === undefined) return null;
  const others = more.length === 0 ? '' : ` (and ${more.length} more queues)`;
  return new Error(`no job could be added to queue ${first.queue}${others}: ${reasonOf(first.error)}`);
}
