import type { Desired } from '../desired.ts';
import type { FleetState } from '../state.ts';
import type { TimedTransition } from './change.ts';
import type { Container } from './container-match.ts';
import type { Content } from './content.ts';
import type { Explanations } from './explanations.ts';
import type { Memory } from './memory.ts';
import type { ObservedPorts } from './ports.ts';

/** A row of `fleet_deckies`. */
export interface Row extends Content {
  readonly name: string;
  readonly state: FleetState;
  readonly lastError: string | null;
  /** Whether a pass wrote the row last: `reconciled_at` equals `updated_at`. */
  readonly ours: boolean;
  /** `updated_at`, epoch milliseconds. */
  readonly writtenAt: number;
  /** `updated_at` with all its digits, epoch microseconds. */
  readonly updatedUs: number;
  /** `last_seen`, epoch microseconds. */
  readonly lastSeenUs: number | null;
}

/** The answer of the host's Docker engine. */
export type EngineAnswer =
  | {
      readonly kind: 'ok';
      readonly containers: readonly Container[];
      /** Whether these are all containers of the engine, or only those of some deckies. */
      readonly isWhole: boolean;
      /** The engine's clock, epoch seconds. */
      readonly now: number;
      readonly ports: ObservedPorts;
    }
  | { readonly kind: 'unreachable'; readonly reason: string };

/** The desired, recorded and observed state of one host at one instant, and the memory of earlier passes. */
export interface Facts {
  /** The time of the database's clock, epoch milliseconds. */
  readonly now: number;
  /** Seconds for which a row that another program wrote is left to that program. */
  readonly graceSeconds: number;
  /** Only these deckies; null: all. */
  readonly only: ReadonlySet<string> | null;
  readonly desired: Desired;
  readonly recorded: readonly Row[];
  readonly observed: EngineAnswer;
  readonly memory: Memory;
  readonly explanations: Explanations;
  /** `DECNET_ROLLOUT`: seconds that a deployment may take before what is missing counts as down; 0: none. */
  readonly rolloutSeconds: number;
  /** When the state file changed, epoch milliseconds of the database's clock; 0: long ago, or unknown. */
  readonly fileChangedAt: number;
  /** The transitions of rows that changed recently. @see contested */
  readonly recentTransitions: readonly TimedTransition[];
  readonly decnet: DecnetWrites;
}

/** What DECNET wrote into its own table. @see CONTRACT.md, `DECNET_DATABASE_URL` */
export interface DecnetWrites {
  /** The rows that it wrote within the grace, by name. */
  readonly recent: ReadonlyMap<string, DecnetWrite>;
  /** Its rows that are neither in the file nor in our table, in scope. */
  readonly strangers: readonly Row[];
}

export interface DecnetWrite {
  /** Epoch milliseconds of our database's clock. */
  readonly writtenAt: number;
  content(): Content;
}

/** Without DECNET's table, or while it does not answer. */
export const noDecnetWrites: DecnetWrites = { recent: new Map(), strangers: [] };
