import { graceAllows } from '../state.ts';
import type { Facts, Row } from './facts.ts';
import type { LeftNote } from './memory.ts';
import type { Observation } from './observed-state.ts';

/** Whether a row is left to the program that wrote it, and for how long. */
export interface Grace {
  readonly left: boolean;
  /** The decky was observed running since that write, so passes may change its state again. */
  readonly ran: boolean;
  /** Milliseconds until the grace period ends; null: there is none. */
  readonly endsIn: number | null;
  readonly note: LeftNote | null;
}

/** For a row whose grace period is over, or that a pass wrote. */
const noGrace: Grace = { left: false, ran: true, endsIn: null, note: null };

/** @see CONTRACT.md, rule 4, Grace */
export function graceOf(row: Row, { now, graceSeconds, memory }: Facts, seen: Observation | null): Grace {
  const lengthMs = graceSeconds * 1000;
  const noted = memory.left.get(row.name);
  // The grace period of the other program's write continues after a write of ours: the content is still left to it.
  const writtenAt = row.ours ? noted?.writtenAt : row.writtenAt;
  if (writtenAt === undefined || Math.abs(now - writtenAt) >= lengthMs) return noGrace;
  const since = noted?.since ?? now;
  const ranBefore = noted?.ran === true && noted.writtenAt === writtenAt;
  return {
    left: now - since < lengthMs,
    ran: ranBefore,
    endsIn: Math.max(0, Math.min(writtenAt, since) + lengthMs - now),
    note: { since, writtenAt, ran: ranBefore || seen?.state === 'running' },
  };
}

/** Whether the row may take the observed state. */
export const allowsMove = (grace: Grace, row: Row, { state }: Observation): boolean =>
  !grace.left || graceAllows({ from: row.state, to: state, ran: grace.ran });
