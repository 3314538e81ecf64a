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
  /** Whether the last write was a pass's: `reconciled_at` equals `updated_at`. */
  readonly ours: boolean;
  /** `updated_at`, epoch milliseconds. */
  readonly writtenAt: number;
}

/** What the host's Docker engine answered. */
export type EngineAnswer =
  | { readonly kind: 'ok'; readonly containers: readonly Container[] }
  | { readonly kind: 'unreachable'; readonly reason: string };

/** The three records of one host, at one instant, and what earlier passes noted. */
export interface Facts {
  /** Of the database's clock, epoch milliseconds. */
  readonly now: number;
  /** Seconds during which another program's row is left to it. */
  readonly graceSeconds: number;
  /** The names looked at; null: all. */
  readonly only: ReadonlySet<string> | null;
  readonly desired: Desired;
  readonly recorded: readonly Row[];
  readonly observed: EngineAnswer;
  readonly memory: Memory;
  /** Of rows that changed lately. @see contested */
  readonly recentTransitions: readonly TimedTransition[];
}
