import type { FleetError } from '../lib/errors.ts';
import type { Decky } from './decky.ts';

/** What the state file says about one host. */
export type Desired =
  | {
      readonly kind: 'declared';
      /** This host's deckies: each name once. */
      readonly deckies: readonly Decky[];
      /** How many deckies the file declares for each other host. */
      readonly peers: ReadonlyMap<string, number>;
    }
  /** Tearing the whole fleet down removes the file. */
  | { readonly kind: 'absent' }
  /** Cannot be read, parsed or validated: nothing is known of what should be. */
  | { readonly kind: 'invalid'; readonly error: FleetError };

const noDecky: ReadonlyMap<string, Decky> = new Map();
const byName = new WeakMap<readonly Decky[], ReadonlyMap<string, Decky>>();

/** What a file declares, by names that are looked up already. */
export function declared(deckies: ReadonlyMap<string, Decky>, peers: ReadonlyMap<string, number>): Desired {
  const list = [...deckies.values()];
  byName.set(list, deckies);
  return { kind: 'declared', deckies: list, peers };
}

/** This host's deckies by their names. Made once for each reading of the file: a pass over one decky must not go over all. */
export function deckiesByName(desired: Desired): ReadonlyMap<string, Decky> {
  if (desired.kind !== 'declared') return noDecky;
  const known = byName.get(desired.deckies);
  if (known !== undefined) return known;
  const made = new Map(desired.deckies.map((decky) => [decky.name, decky]));
  byName.set(desired.deckies, made);
  return made;
}

/** The warning that a file is about other hosts only; null: it is not. @see CONTRACT.md, rule 1 */
export function othersOnly(desired: Desired, host: string): string | null {
  if (desired.kind !== 'declared' || desired.deckies.length > 0 || desired.peers.size === 0) return null;
  const count = [...desired.peers.values()].reduce((sum, n) => sum + n, 0);
  const names = [...desired.peers.keys()].sort();
  const shown = names.length > 8 ? [...names.slice(0, 8), `${names.length - 8} more`] : names;
  const last = shown.at(-1);
  const list = shown.length === 1 ? last : `${shown.slice(0, -1).join(', ')} and ${last}`;
  return `declares ${count} ${count === 1 ? 'decky' : 'deckies'}, none of host ${host}; it names ${list}`;
}
