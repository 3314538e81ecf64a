import type { Desired } from '../desired.ts';
import type { FleetState } from '../state.ts';
import type { TimedTransition } from './change.ts';
import type { Container } from './container-match.ts';
import type { Content } from './content.ts';
import type { Memory } from './memory.ts';

/** A row of `fleet_deckies`. */
export interface Row extends Content {
  readonly name: string;
  readonly state: FleetState;
  readonly lastError: string | null;
  /** Whether a pass wrote the row last: `reconciled_at` equals `updated_at`. */
  readonly ours: boolean;
  /** `updated_at`, epoch milliseconds. */
  readonly writtenAt: number;
}

/** The answer of the host's Docker engine. */
export type EngineAnswer =
  | { readonly kind: 'ok'; readonly containers: readonly Container[] }
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
  /** The transitions of rows that changed recently. @see contested */
  readonly recentTransitions: readonly TimedTransition[];
}
