/** A host whose passes somebody has paused. Times are epoch milliseconds. */
export interface Pause {
  readonly by: string;
  readonly why: string;
  readonly since: number;
  /** Null: until somebody resumes it. */
  readonly until: number | null;
}

/** Milliseconds in which a host that was resumed makes its first pass, before it counts as stale. */
export const returnsWithinMs = 60_000;

/** A time as people read it: `2026-01-31 12:00:05 UTC`. @param at ISO 8601, in UTC */
const inWords = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;

/** `paused by ops until 2026-01-31 12:00:05 UTC: new kernel` @param it.until ISO 8601; null: until it is resumed */
export const pausedWords = (it: {
  readonly by: string;
  readonly why: string;
  readonly until: string | null;
}): string =>
  `paused by ${it.by} until ${it.until === null ? 'it is resumed' : inWords(it.until)}: ${it.why}`;

/** The same of a pause of the rules. */
export const pauseInWords = ({ by, why, until }: Pause): string =>
  pausedWords({ by, why, until: until === null ? null : new Date(until).toISOString() });

/**
 * What keeps a queue as the record says. A store that was emptied has lost that the queue is paused.
 * @param isOver whether the time of the pause is over
 */
export const dueAction = (isOver: boolean, isQueuePaused: boolean): 'resume' | 'pause' | null =>
  isOver ? 'resume' : isQueuePaused ? null : 'pause';
