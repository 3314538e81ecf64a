import type { Names } from '../pass/pass.ts';
import { type Trigger, type TriggerCause, triggeredNames } from './triggers.ts';

/** Enqueues a pass. @param deckies only these; null: all @returns the job's id */
export type Enqueue = (deckies: readonly string[] | null, cause: TriggerCause) => Promise<string | undefined>;

/** More deckies than this become a full pass, because one listing costs less than this many inspections. */
const maxDeckies = 100;
/** Milliseconds between the end of a pass and the next pass of the same burst. */
const restMs = 100;
/** Milliseconds to wait for the end of a pass; its end is not reported here if another worker ran it. */
const endTimeoutMs = 2000;
/** Milliseconds before a failed pass is retried: the first pause and the longest. */
const retryPause = { firstMs: 1000, maxMs: 30_000 };

/** The deckies of the next pass. @see Enqueue */
interface Wanted {
  readonly names: ReadonlySet<string> | null;
  readonly cause: TriggerCause;
}

const union = (one: Wanted | null, { names, cause }: Wanted): Wanted => {
  const all = one === null ? names : one.names === null || names === null ? null : one.names.union(names);
  // A burst may be of any length, so no more names are collected once the next pass is a full one.
  return { names: all === null || all.size > maxDeckies ? null : all, cause };
};

/**
 * Turns triggers into passes. The first trigger of a burst starts a pass immediately; those that arrive while that pass
 * runs are combined into the next pass. A pass that could not be enqueued, or that failed, is retried, so no trigger is
 * lost. BullMQ's deduplication is no substitute: it would keep only the names of the last trigger.
 * @param timeoutMs how long the next pass waits for the end of the one before it
 */
export function coalescer(enqueue: Enqueue, timeoutMs: number = endTimeoutMs) {
  const names = triggeredNames();
  let waiting: Wanted | null = null;
  let busy = false;
  let timer: NodeJS.Timeout | undefined;
  let pauseMs = retryPause.firstMs;
  let isClosed = false;

  const go = (): void => {
    if (busy || waiting === null || isClosed) return;
    const wanted = waiting;
    waiting = null;
    busy = true;
    after(timeoutMs);
    enqueue(wanted.names === null ? null : [...wanted.names], wanted.cause).then(
      (id) => {
        if (id !== undefined) underWay.enqueued(id, wanted);
      },
      () => again(wanted),
    );
  };
  const after = (ms: number): void => {
    clearTimeout(timer);
    if (isClosed) return;
    timer = setTimeout(() => {
      busy = false;
      go();
    }, ms);
    timer.unref();
  };
  const again = (wanted: Wanted): void => {
    waiting = union(waiting, wanted);
    busy = true;
    after(pauseMs);
    pauseMs = Math.min(retryPause.maxMs, 2 * pauseMs);
  };
  const underWay = passesUnderWay((wanted, wasApplied) => {
    if (!wasApplied) return again(wanted);
    pauseMs = retryPause.firstMs;
    after(restMs);
  });
  return {
    trigger: (trigger: Trigger, cause: TriggerCause): void => {
      const wanted = names.of(trigger);
      if (wanted?.size === 0) return;
      waiting = union(waiting, { names: wanted, cause });
      go();
    },
    /**
     * Call this at the end of each pass of this worker.
     * @param wasApplied whether the pass was applied; a pass that failed only because of an invalid file is not retried
     */
    ended: underWay.ended,
    knows: (found: Names): void => names.knows(found),
    /** Ignores all further triggers: the process may go on without its worker. */
    close: (): void => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** The number of jobs to remember. */
const jobsKept = 50;

/** Tracks the passes that were enqueued, by the ids of their jobs. */
function passesUnderWay(onEnd: (wanted: Wanted, wasApplied: boolean) => void) {
  const underWay = new Map<string, Wanted>();
  /** Passes that ended before their ids were known here, and whether they were applied. */
  const endedEarly = new Map<string, boolean>();
  const ended = (id: string, wasApplied: boolean): void => {
    const wanted = underWay.get(id);
    if (wanted === undefined) {
      endedEarly.set(id, wasApplied);
      keepNewest(endedEarly);
      return;
    }
    underWay.delete(id);
    endedEarly.delete(id);
    onEnd(wanted, wasApplied);
  };
  return {
    enqueued: (id: string, wanted: Wanted): void => {
      underWay.set(id, wanted);
      const wasApplied = endedEarly.get(id);
      if (wasApplied !== undefined) ended(id, wasApplied);
      // The end of a pass that another worker ran is never reported here.
      keepNewest(underWay);
    },
    ended,
  };
}

function keepNewest(jobs: Map<string, unknown>): void {
  for (const old of [...jobs.keys()].slice(0, -jobsKept)) jobs.delete(old);
}
