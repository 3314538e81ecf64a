import { graceAllows } from '../state.ts';
import type { Facts, Row } from './facts.ts';
import type { LeftNote } from './memory.ts';
import type { Observation } from './observed-state.ts';

/** How much of a row is left to the program that wrote it. */
export interface Grace {
  readonly left: boolean;
  /** The decky was seen running since that write: its state is ours again. */
  readonly ran: boolean;
  /** Milliseconds until the grace ends; null: there is none. */
  readonly endsIn: number | null;
  readonly note: LeftNote | null;
}

/** A row whose grace is over, or that was written by a pass. */
const noGrace: Grace = { left: false, ran: true, endsIn: null, note: null };

/** @see CONTRACT.md, rule 4, Grace */
export function graceOf(row: Row, { now, graceSeconds, memory }: Facts, seen: Observation | null): Grace {
  const lengthMs = graceSeconds * 1000;
  const noted = memory.left.get(row.name);
  // After our own write the row is still one that the other program wrote: its content stays the writer's.
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

/** Whether the row's state may become what was observed. */
export const allowsMove = (grace: Grace, row: Row, { state }: Observation): boolean =>
  !grace.left || graceAllows({ from: row.state, to: state, ran: grace.ran });
