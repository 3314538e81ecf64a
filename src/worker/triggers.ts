import { isLegalName } from '../fleet/decky.ts';
import type { Names } from '../pass/pass.ts';

/** Where to look again. An event never says what happened. */
export type Trigger =
  | { readonly kind: 'everything' }
  | { readonly kind: 'decky'; readonly name: string }
  /** Unlabelled containers: a decky's, if one bears the beginning of such a name. */
  | { readonly kind: 'containers'; readonly names: readonly string[] }
  | { readonly kind: 'deckies'; readonly names: ReadonlySet<string> };

/** Something that tells when to look again: the engine, the state file. */
export interface Watcher {
  /** @param onFault told of each failed try; the watcher goes on by itself */
  start(look: (trigger: Trigger) => void, onFault: (error: unknown) => void): Watching;
}

export interface Watching {
  /** Resolves when nothing is missed from now on, or when the first try failed. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** Enqueues a pass. @param deckies null: all of them @returns the job's id */
export type Enqueue = (deckies: readonly string[] | null, cause: TriggerCause) => Promise<string | undefined>;
export type TriggerCause = 'docker' | 'file';

/** More deckies than this at once are a full pass: one listing is cheaper than so many. */
const most = 100;
/** Milliseconds between the end of a pass and the next of the same burst. */
const restMs = 100;
/** Milliseconds after which the next pass does not wait for the end of this one: another worker may have run it. */
const forget = 2000;
/** Milliseconds before what could not be done is tried again: first, and at most. */
const retry = { first: 1000, most: 30_000 };

/** Deckies to look at. @see Enqueue */
interface Wanted {
  readonly names: ReadonlySet<string> | null;
  readonly cause: TriggerCause;
}

const union = (one: Wanted | null, { names, cause }: Wanted): Wanted => {
  const all = one === null ? names : one.names === null || names === null ? null : one.names.union(names);
  // A burst has no end that is known: what will be a full pass anyway gathers nothing more.
  return { names: all === null || all.size > most ? null : all, cause };
};

/**
 * Turns triggers into passes: the first of a burst acts at once, those that come while its pass runs are gathered into
 * the next one. None is lost: BullMQ's deduplication would keep the last one's names alone, and what could not be
 * enqueued, or whose pass failed, is tried again.
 */
export function coalescer(enqueue: Enqueue, forgetMs: number = forget) {
  /** Decky names of the file and the table, as the last full pass saw them; null: not known yet. */
  let known: Names | null = null;
  /** Names that were heard of since. */
  const heardOf = new Set<string>();
  let waiting: Wanted | null = null;
  /** By the ids of their jobs. */
  const underWay = new Map<string, Wanted>();
  /** Passes that ended before their ids were known here, and whether they were applied. */
  const endedEarly = new Map<string, boolean>();
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
        if (id === undefined) return;
        underWay.set(id, wanted);
        const wasApplied = endedEarly.get(id);
        if (wasApplied !== undefined) ended(id, wasApplied);
        // Those whose ends this worker is never told of are another worker's.
        keepNewest(underWay);
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
  const ended = (id: string, wasApplied: boolean): void => {
    const wanted = underWay.get(id);
    if (wanted === undefined) {
      endedEarly.set(id, wasApplied);
      keepNewest(endedEarly);
      return;
    }
    underWay.delete(id);
    endedEarly.delete(id);
    if (wasApplied) {
      pause = retry.first;
      after(restMs);
    } else again(wanted);
  };
  return {
    trigger: (trigger: Trigger, cause: TriggerCause): void => {
      const names = namesOf(trigger, known, heardOf);
      if (names?.size === 0) return;
      if (trigger.kind === 'deckies' || trigger.kind === 'decky')
        for (const name of names ?? [])
          if (known?.has(name) !== true && heardOf.size < heardOfKept) heardOf.add(name);
      waiting = union(waiting, { names, cause });
      go();
    },
    /**
     * Told of the end of each pass of this worker.
     * @param wasApplied whether it looked and wrote: a file that is broken is no reason to look again
     */
    ended,
    knows: (names: Names): void => {
      known = names;
      heardOf.clear();
    },
    clear: (): void => clearTimeout(timer),
  };
}

/** Jobs and names that are remembered. */
const jobsKept = 50;
const heardOfKept = 10_000;

function keepNewest(jobs: Map<string, unknown>): void {
  for (const old of [...jobs.keys()].slice(0, -jobsKept)) jobs.delete(old);
}

/** Null: everything. */
function namesOf(
  trigger: Trigger,
  known: Names | null,
  heardOf: ReadonlySet<string>,
): ReadonlySet<string> | null {
  switch (trigger.kind) {
    case 'everything':
      return null;
    case 'decky':
      return new Set(isLegalName(trigger.name) ? [trigger.name] : []);
    case 'deckies':
      return trigger.names;
    case 'containers':
      return new Set(
        trigger.names
          .flatMap(beginnings)
          .filter((name) => (known === null ? isLegalName(name) : known.has(name) || heardOf.has(name))),
      );
  }
}

/** `web-ssh-http` → itself, `web-ssh`, `web`. */
function beginnings(name: string): readonly string[] {
  const found = [name];
  for (let at = name.lastIndexOf('-'); at > 0; at = name.lastIndexOf('-', at - 1))
    found.push(name.slice(0, at));
  return found;
}
