import type { DecnetFact } from '../decnet-table/fact.ts';
import { portsOff, type SilentEntries } from './ports.ts';
import { type Deployments, noDeployments } from './rollout.ts';
import type { Rotation } from './rotation.ts';
import type { Undeclared } from './undeclared.ts';

/**
 * What the passes of a host remember about its rows, stored in `fleet_hosts.notes`.
 * Times are epoch milliseconds of the database's clock.
 */
export interface Memory {
  readonly held: ReadonlyMap<string, HeldEntry>;
  readonly left: ReadonlyMap<string, LeftEntry>;
  readonly contested: ReadonlyMap<string, HeldEntry>;
  readonly deployments: Deployments;
  /** The services that deckies got from rotations, by decky. */
  readonly rotations: ReadonlyMap<string, Rotation>;
  /** Deckies whose containers run although nobody declares them. */
  readonly undeclared: ReadonlyMap<string, Undeclared>;
  /** The services on whose ports nothing listened, by decky. */
  readonly silent: ReadonlyMap<string, SilentEntries>;
  /** Why the last full pass did not check ports; null: it did. */
  readonly portsUnchecked: string | null;
  /** How DECNET's own table is; null: it is not kept. */
  readonly decnet: DecnetFact | null;
}

export interface HeldEntry {
  readonly reason: string;
  readonly since: number;
}

/** A row that is left to the program that wrote it, for the grace period. */
export interface LeftEntry {
  /** When a pass first found the row in this state. Later writes of the other program do not change it. */
  readonly since: number;
  /** When the other program last wrote the row. */
  readonly writtenAt: number;
  /** The decky was observed running since that write, so passes may change its state again. */
  readonly ran: boolean;
}

export const noMemory: Memory = {
  held: new Map(),
  left: new Map(),
  contested: new Map(),
  deployments: noDeployments,
  rotations: new Map(),
  undeclared: new Map(),
  silent: new Map(),
  portsUnchecked: portsOff.why,
  decnet: null,
};

/**
 * Merges the memory of a pass over some deckies into the memory before it. The entries about other deckies stay
 * unchanged. A pass knows the deployments and the undeclared deckies of the whole host.
 * @param only the deckies of the pass; null: all
 */
export function mergeMemory(before: Memory, after: Memory, only: ReadonlySet<string> | null): Memory {
  if (only === null) return after;
  const merge = <T>(old: ReadonlyMap<string, T>, now: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map([...[...old].filter(([name]) => !only.has(name)), ...now]);
  return {
    held: merge(before.held, after.held),
    left: merge(before.left, after.left),
    contested: merge(before.contested, after.contested),
    deployments: after.deployments,
    rotations: after.rotations,
    undeclared: after.undeclared,
    silent: merge(before.silent, after.silent),
    portsUnchecked: before.portsUnchecked,
    decnet: after.decnet,
  };
}
