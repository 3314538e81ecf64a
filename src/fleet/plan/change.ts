import { printable, shortened } from '../../lib/text.ts';
import type { Decky } from '../decky.ts';
import type { FleetState } from '../state.ts';
import type { Memory } from './memory.ts';

/** What a pass does to one row. A row has at most one; a change of state may carry new content along. */
export interface Change {
  /** `config`: content alone; `reason`: another cause for the same state, which is no transition. */
  readonly action: 'insert' | 'delete' | 'state' | 'config' | 'reason';
  readonly name: string;
  /** Null on insert. */
  readonly from: FleetState | null;
  /** Null on delete. */
  readonly to: FleetState | null;
  /** Why, in words. */
  readonly reason: string;
  readonly lastError: string | null;
  /** What the row takes from the file; null: its content stays. */
  readonly content: Decky | null;
  /** The fields that differed, for a row that was recorded. */
  readonly changed: readonly string[];
}

/** A row that would change and is kept on purpose. */
export interface Held {
  readonly name: string;
  readonly reason: string;
}

export interface Plan {
  readonly changes: readonly Change[];
  readonly held: readonly Held[];
  /** Names of rows that another writer keeps changing back. */
  readonly contested: readonly string[];
  /** What the next pass must know. */
  readonly memory: Memory;
  /** Deckies to look at again, and when, in milliseconds from now: a grace or a window of a restart loop ends. */
  readonly requeueAfter: ReadonlyMap<string, number>;
}

/** What a committed change leaves in the history. `from` equals `to` where only content changed. */
export interface Transition {
  readonly name: string;
  readonly from: FleetState | null;
  readonly to: FleetState | null;
  readonly reason: string;
}

/** A transition of the past. `at`: epoch milliseconds. */
export interface TimedTransition extends Omit<Transition, 'reason'> {
  readonly at: number;
}

export const contentReason = (changed: readonly string[]): string =>
  shortened(printable(`file: ${changed.join(', ')} changed`));

/** What a change leaves in the history; a new reason for the same state leaves nothing. @see CONTRACT.md, rules 4, 5 */
export function transitionsOf({ name, from, to, reason, changed }: Change): readonly Transition[] {
  const content =
    from !== null && changed.length > 0 ? [{ name, from, to: from, reason: contentReason(changed) }] : [];
  return from === to ? content : [...content, { name, from, to, reason }];
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
