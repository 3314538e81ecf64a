import type { FleetError } from '../lib/errors.ts';
import type { Decky } from './decky.ts';

/** What the state file declares for one host. */
export type Desired =
  | {
      readonly kind: 'declared';
      /** The same for two readings of an unchanged file; null: unknown. */
      readonly revision: string | null;
      /** When the file was written, epoch milliseconds of this machine's clock; null: unknown. */
      readonly changedAt: number | null;
      /** This host's deckies by name. */
      readonly deckies: ReadonlyMap<string, Decky>;
      /** The number of deckies that the file declares for each other host. */
      readonly peers: ReadonlyMap<string, number>;
    }
  /** The file does not exist, as after the whole fleet was torn down. */
  | { readonly kind: 'absent' }
  /** The file cannot be read, parsed or validated, so the desired state is unknown. */
  | { readonly kind: 'invalid'; readonly error: FleetError };

const noDecky: ReadonlyMap<string, Decky> = new Map();

/** This host's deckies by name; empty unless the file declares some. */
export const deckiesByName = (desired: Desired): ReadonlyMap<string, Decky> =>
  desired.kind === 'declared' ? desired.deckies : noDecky;

/** The warning that the file declares only deckies of other hosts; null: it does not. @see CONTRACT.md, rule 1 */
export function othersOnly(desired: Desired, host: string): string | null {
  if (desired.kind !== 'declared' || desired.deckies.size > 0 || desired.peers.size === 0) return null;
  const count = [...desired.peers.values()].reduce((sum, n) => sum + n, 0);
  const names = [...desired.peers.keys()].sort();
  const shown = names.length > 8 ? [...names.slice(0, 8), `${names.length - 8} more`] : names;
  const last = shown.at(-1);
  const list = shown.length === 1 ? last : `${shown.slice(0, -1).join(', ')} and ${last}`;
  return `declares ${count} ${count === 1 ? 'decky' : 'deckies'}, none of host ${host}; it names ${list}`;
}
