import { isLegalName } from '../fleet/decky.ts';
import type { Names } from './pass.ts';

/** Where to look again. An event never says what happened. */
export type Hint =
  | { readonly kind: 'everything' }
  | { readonly kind: 'decky'; readonly name: string }
  /** Unlabelled containers: a decky's, if one bears the beginning of such a name. */
  | { readonly kind: 'containers'; readonly names: readonly string[] }
  | { readonly kind: 'deckies'; readonly names: ReadonlySet<string> };

/** Something that tells when to look again: the engine, the state file. */
export interface Watcher {
  /** @param onFault told of each failed try; the watcher goes on by itself */
  start(look: (hint: Hint) => void, onFault: (error: unknown) => void): Watching;
}

export interface Watching {
  /** Resolves when nothing is missed from now on, or when the first try failed. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** A pass to enqueue. @param deckies null: all of them */
export type Enqueue = (deckies: readonly string[] | null, cause: TriggerCause) => Promise<void>;
export type TriggerCause = 'docker' | 'file';

/** More deckies than this at once are a full pass: one listing is cheaper than so many. */
const most = 100;
/** Milliseconds between the end of a pass and the next of the same burst. */
const rest = 100;
/** Milliseconds after which a pass that nobody told the end of is forgotten: another worker may have run it. */
const forget = 15_000;

/**
 * Turns hints into passes: the first of a burst acts at once, those that come while its pass runs are gathered into
 * the next one. None is lost: BullMQ's deduplication would keep the last one's names alone.
 */
export function gatherer(enqueue: Enqueue) {
  /** Decky names of the file and the table, as the last full pass saw them; null: not known yet. */
  let known: Names | null = null;
  let waiting: { names: Set<string> | null; cause: TriggerCause } | null = null;
  let busy = false;
  let timer: NodeJS.Timeout | undefined;

  const go = (): void => {
    if (busy || waiting === null) return;
    const { names, cause } = waiting;
    waiting = null;
    busy = true;
    timer = setTimeout(passEnded, forget);
    timer.unref();
    void enqueue(names === null || names.size > most ? null : [...names], cause).catch(passEnded);
  };
  const passEnded = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      busy = false;
      go();
    }, rest);
    timer.unref();
  };
  return {
    hint: (hint: Hint, cause: TriggerCause): void => {
      const names = namesOf(hint, known);
      if (names?.size === 0) return;
      const merged = waiting === null ? new Set<string>() : waiting.names;
      waiting = { names: merged === null || names === null ? null : merged.union(names), cause };
      go();
    },
    /** Told of the end of each pass that this gatherer enqueued. */
    ended: (): void => {
      if (busy) passEnded();
    },
    knows: (names: Names): void => {
      known = names;
    },
    clear: (): void => clearTimeout(timer),
  };
}

/** Null: everything. */
function namesOf(hint: Hint, known: Names | null): ReadonlySet<string> | null {
  switch (hint.kind) {
    case 'everything':
      return null;
    case 'decky':
      return new Set(isLegalName(hint.name) ? [hint.name] : []);
    case 'deckies':
      return hint.names;
    case 'containers':
      return new Set(
        hint.names
          .flatMap(beginnings)
          .filter((name) => (known === null ? isLegalName(name) : known.has(name))),
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
