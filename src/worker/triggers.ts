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

export type TriggerCause = 'docker' | 'file';

/** How many names are remembered that are in neither the file nor the table. */
const heardOfKept = 10_000;

/** Finds the deckies that triggers mean. */
export function triggeredNames() {
  /** Decky names of the file and the table, as the last full pass saw them; null: not known yet. */
  let known: Names | null = null;
  /** Names that triggers named since, and that are not known. */
  const heardOf = new Set<string>();
  return {
    /** @returns null: all deckies */
    of: (trigger: Trigger): ReadonlySet<string> | null => {
      const names = namesOf(trigger, known, heardOf);
      if (trigger.kind === 'deckies' || trigger.kind === 'decky')
        for (const name of names ?? [])
          if (known?.has(name) !== true && heardOf.size < heardOfKept) heardOf.add(name);
      return names;
    },
    knows: (names: Names): void => {
      known = names;
      heardOf.clear();
    },
  };
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
