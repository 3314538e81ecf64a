import type { Decky } from '../decky.ts';
import type { FleetState } from '../state.ts';
import type { Cause } from './cause.ts';
import type { Memory } from './memory.ts';

/** What a pass does to one row. A row has at most one change; a change of state may also contain new content. */
export interface Change {
  /** `config`: only the content changes; `reason`: only the reason for the state changes, which is not a transition. */
  readonly action: 'insert' | 'delete' | 'state' | 'config' | 'reason';
  readonly name: string;
  /** Null on insert. */
  readonly from: FleetState | null;
  /** Null on delete. */
  readonly to: FleetState | null;
  /** Why, as text. */
  readonly reason: string;
  /** Why, as data; null where the decky runs, or the reason is not about its containers. */
  readonly cause: Cause | null;
  /** Whether the state is what Docker shows; a row is inserted without that while Docker does not answer. */
  readonly observed: boolean;
  readonly lastError: string | null;
  /** The new content, from the file; null: the content stays unchanged. */
  readonly content: Decky | null;
  /** The fields that differ, if the row exists. */
  readonly changed: readonly string[];
  /** Why the content changes, as text; null: it does not, or the row is new. */
  readonly contentReason: string | null;
}

/** A row that a rule keeps unchanged although it would change otherwise. */
export interface Held {
  readonly name: string;
  readonly reason: string;
}

export interface Plan {
  readonly changes: readonly Change[];
  readonly held: readonly Held[];
  /** Names of rows that another writer keeps changing back. */
  readonly contested: readonly string[];
  /** What the next pass needs to know. */
  readonly memory: Memory;
  /**
   * The deckies that need another pass, and in how many milliseconds: at the end of a grace period or a restart loop.
   */
  readonly requeueAfterMs: ReadonlyMap<string, number>;
  /** The rows of DECNET's table that it keeps although our table has no such row. */
  readonly keptStrangers: ReadonlySet<string>;
  /** A pass over some deckies found that a deployment has begun or ended, which changes what the others are. */
  readonly needsFullPass: boolean;
}

/** An entry of the history. `from` equals `to` if only content changed. */
export interface Transition {
  readonly name: string;
  readonly from: FleetState | null;
  readonly to: FleetState | null;
  readonly reason: string;
  readonly cause: Cause | null;
}

/** A transition of the past. `at`: epoch milliseconds. */
export interface TimedTransition extends Omit<Transition, 'reason' | 'cause'> {
  readonly at: number;
}

/** What a change leaves in the history; a new reason for the same state leaves nothing. @see CONTRACT.md, rules 4, 5 */
export function transitionsOf(change: Change): readonly Transition[] {
  const { name, from, to, reason, cause, contentReason } = change;
  const content =
    contentReason === null ? [] : [{ name, from, to: from, reason: contentReason, cause: null }];
  return from === to ? content : [...content, { name, from, to, reason, cause }];
}

export interface Counts {
  readonly inserted: number;
  readonly deleted: number;
  readonly state_updated: number;
  readonly config_updated: number;
}

export function countsOf(transitions: readonly Transition[]): Counts {
  const counts = { inserted: 0, deleted: 0, state_updated: 0, config_updated: 0 };
  for (const { from, to } of transitions) {
    if (from === null) counts.inserted += 1;
    else if (to === null) counts.deleted += 1;
    else if (from === to) counts.config_updated += 1;
    else counts.state_updated += 1;
  }
  return counts;
}
