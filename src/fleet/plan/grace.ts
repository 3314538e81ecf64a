import { graceAllows } from '../state.ts';
import type { Facts, Row } from './facts.ts';
import type { LeftEntry } from './memory.ts';
import type { Observation } from './observed-state.ts';

/** Whether a row is left to the program that wrote it, and for how long. */
export interface Grace {
  readonly left: boolean;
  /** The decky was observed running since that write, so passes may change its state again. */
  readonly ran: boolean;
  /** Milliseconds until the grace period ends; null: there is none. */
  readonly endsInMs: number | null;
  readonly entry: LeftEntry | null;
}

/** For a row whose grace period is over, or that a pass wrote. */
const noGrace: Grace = { left: false, ran: true, endsInMs: null, entry: null };

/** @see CONTRACT.md, rule 4, Grace */
export function graceOf(
  row: Pick<Row, 'name' | 'ours' | 'writtenAt'>,
  { now, graceSeconds, memory, decnet }: Facts,
  observation: Observation | null,
): Grace {
  const before = memory.left.get(row.name);
  const inDecnet = decnet.recent.get(row.name)?.writtenAt;
  // The grace period of the other program's write continues after a write of ours: the content is still left to it.
  const writtenAt = row.ours ? (inDecnet ?? before?.writtenAt) : Math.max(row.writtenAt, inDecnet ?? 0);
  if (writtenAt === undefined || !isRecent(writtenAt, now, graceSeconds)) return noGrace;
  const since = before !== undefined && isOneEpisode(before, writtenAt, graceSeconds) ? before.since : now;
  const ranBefore = before?.ran === true && before.writtenAt === writtenAt;
  return {
    left: isLeft({ writtenAt, since }, now, graceSeconds),
    ran: ranBefore,
    endsInMs: Math.max(0, graceEnd({ writtenAt, since }, graceSeconds) - now),
    entry: { since, writtenAt, ran: ranBefore || observation?.state === 'running' },
  };
}

/** Whether a write came within the grace of the recorded one. Else that grace was over, though no pass ran to see it. */
const isOneEpisode = (before: LeftEntry, writtenAt: number, graceSeconds: number): boolean =>
  writtenAt - before.writtenAt < graceSeconds * 1000;

/** A time further ahead than the grace is old. */
const isRecent = (writtenAt: number, now: number, graceSeconds: number): boolean =>
  Math.abs(now - writtenAt) < graceSeconds * 1000;

/** Whether a recorded write is left to its writer: no longer than the grace after a pass first saw the write. */
export const isLeft = (
  { since, writtenAt }: Pick<LeftEntry, 'since' | 'writtenAt'>,
  now: number,
  graceSeconds: number,
): boolean => now - since < graceSeconds * 1000 && isRecent(writtenAt, now, graceSeconds);

/** When the grace period of such a row ends, epoch milliseconds. */
export const graceEnd = (
  { since, writtenAt }: Pick<LeftEntry, 'since' | 'writtenAt'>,
  graceSeconds: number,
): number => Math.min(since, writtenAt) + graceSeconds * 1000;

/** Whether the row may take the observed state. */
export const allowsChange = (grace: Grace, row: Row, { state }: Observation): boolean =>
  !grace.left || graceAllows({ from: row.state, to: state, ran: grace.ran });
