import { isLegalName } from '../fleet/decky.ts';
import type { Names } from '../pass/pass.ts';

/** What the next pass must cover. A trigger does not describe what happened: the pass observes that itself. */
export type Trigger =
  | { readonly kind: 'everything' }
  | { readonly kind: 'decky'; readonly name: string }
  /** Names of unlabelled containers. One belongs to a decky if its name begins with the name of the decky. */
  | { readonly kind: 'containers'; readonly names: readonly string[] }
  | { readonly kind: 'deckies'; readonly names: ReadonlySet<string> };

/** A source of triggers: the engine or the state file. */
export interface Watcher {
  /** @param onFault called for each failed attempt; the watcher retries on its own */
  start(trigger: (trigger: Trigger) => void, onFault: (error: unknown) => void): Watching;
}

export interface Watching {
  /** Resolves when no change is missed from now on, or when the first attempt has failed. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export type TriggerCause = 'docker' | 'file';

/** The maximum number of remembered names that are in neither the file nor the table. */
const maxUnknownNames = 10_000;

/** Resolves triggers to decky names. */
export function triggeredNames() {
  /** The names in the file and the table at the last full pass; null: there was none yet. */
  let known: Names | null = null;
  /** Other names that triggers have mentioned since that pass. */
  const unknown = new Set<string>();
  return {
    /** @returns null: all deckies */
    of: (trigger: Trigger): ReadonlySet<string> | null => {
      const names = namesOf(trigger, known, unknown);
      if (trigger.kind === 'deckies' || trigger.kind === 'decky')
        for (const name of names ?? [])
          if (known?.has(name) !== true && unknown.size < maxUnknownNames) unknown.add(name);
      return names;
    },
    knows: (names: Names): void => {
      known = names;
      unknown.clear();
    },
  };
}

/** @returns null: all deckies */
function namesOf(
  trigger: Trigger,
  known: Names | null,
  unknown: ReadonlySet<string>,
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
          .flatMap(prefixes)
          .filter((name) => (known === null ? isLegalName(name) : known.has(name) || unknown.has(name))),
      );
  }
}

/** The name itself and each part of it before a `-`: `web-ssh-http`, `web-ssh`, `web`. */
function prefixes(name: string): readonly string[] {
  const found = [name];
  for (let at = name.lastIndexOf('-'); at > 0; at = name.lastIndexOf('-', at - 1))
    found.push(name.slice(0, at));
  return found;
}
