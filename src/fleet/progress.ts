/** What a long-lived process has done lately, as it reports it to the service manager. Times are in milliseconds. */
export interface Progress {
  /** How long the pass or round in progress has run; null: none runs. */
  readonly runningMs: number | null;
  /** How long jobs have waited in a queue that answers and is not paused, while none was taken; null: they do not. */
  readonly waitingMs: number | null;
  /** How long the pages have not answered; null: they answer, or there are none. */
  readonly silentMs: number | null;
}

/** How long each may take. The slowest correct pass lists half a million containers in 510 s, and is not hung. */
export interface ProgressLimits {
  readonly runningMs: number;
  readonly waitingMs: number;
  readonly silentMs: number;
}

export const progressLimits: ProgressLimits = { runningMs: 900_000, waitingMs: 180_000, silentMs: 60_000 };

/** The first rule that holds. A process that waits for a store matches none of them. */
const rules: readonly { time: keyof ProgressLimits; because: string }[] = [
  { time: 'runningMs', because: 'the work in progress does not end' },
  { time: 'waitingMs', because: 'jobs wait in the queue, and none is taken' },
  { time: 'silentMs', because: 'the pages do not answer' },
];

/** Why a process must be restarted; null: it makes progress, or waits for a store. */
export function hungBecause(progress: Progress, limits: ProgressLimits = progressLimits): string | null {
  const rule = rules.find(({ time }) => (progress[time] ?? 0) > limits[time]);
  if (rule === undefined) return null;
  return `${rule.because} for ${Math.round((progress[rule.time] ?? 0) / 1000)} s`;
}
