import type { Names } from '../pass/pass.ts';
import { type Trigger, type TriggerCause, triggeredNames } from './triggers.ts';

/** Enqueues a pass. @param deckies null: all of them @returns the job's id */
export type Enqueue = (deckies: readonly string[] | null, cause: TriggerCause) => Promise<string | undefined>;

/** More deckies than this at once are a full pass: one listing costs less than that many inspections. */
const most = 100;
/** Milliseconds between the end of a pass and the next of the same burst. */
const restMs = 100;
/** Milliseconds after which the next pass does not wait for the end of this one: another worker may have run it. */
const forget = 2000;
/** Milliseconds before a failed pass is tried again: first, and at most. */
const retry = { first: 1000, most: 30_000 };

/** Deckies to look at. @see Enqueue */
interface Wanted {
  readonly names: ReadonlySet<string> | null;
  readonly cause: TriggerCause;
}

const union = (one: Wanted | null, { names, cause }: Wanted): Wanted => {
  const all = one === null ? names : one.names === null || names === null ? null : one.names.union(names);
  // The end of a burst is not known: what will be a full pass in any case gathers no more names.
  return { names: all === null || all.size > most ? null : all, cause };
};

/**
 * Turns triggers into passes: the first of a burst acts at once, and those that come while its pass runs are gathered into
 * the next one. None is lost: BullMQ's deduplication would keep only the names of the last one, and a pass that could not be
 * enqueued, or that failed, is tried again.
 */
export function coalescer(enqueue: Enqueue, forgetMs: number = forget) {
  const names = triggeredNames();
  let waiting: Wanted | null = null;
  let busy = false;
  let timer: NodeJS.Timeout | undefined;
  let pause = retry.first;

  const go = (): void => {
    if (busy || waiting === null) return;
    const wanted = waiting;
    waiting = null;
    busy = true;
    after(forgetMs);
    enqueue(wanted.names === null ? null : [...wanted.names], wanted.cause).then(
      (id) => {
        if (id !== undefined) underWay.enqueued(id, wanted);
      },
      () => again(wanted),
    );
  };
  const after = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      busy = false;
      go();
    }, ms);
    timer.unref();
  };
  const again = (wanted: Wanted): void => {
    waiting = union(waiting, wanted);
    busy = true;
    after(pause);
    pause = Math.min(retry.most, 2 * pause);
  };
  const underWay = passesUnderWay((wanted, wasApplied) => {
    if (!wasApplied) return again(wanted);
    pause = retry.first;
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
     * To be called at the end of each pass of this worker.
     * @param wasApplied whether it observed and wrote: a file that is broken is no reason to look again
     */
    ended: underWay.ended,
    knows: (found: Names): void => names.knows(found),
    clear: (): void => clearTimeout(timer),
  };
}

/** How many jobs are remembered. */
const jobsKept = 50;

/** The passes that were enqueued, by the ids of their jobs. */
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
