import { setImmediate } from 'node:timers/promises';

/** Milliseconds of work after which the event loop runs. */
const sliceMs = 5;

/**
 * Returns a function for long work that arrives in pieces. Call it before each piece and await what it returns. It
 * lets the event loop run after every 5 ms of work, so that the process can renew locks, send heartbeats and answer
 * requests.
 */
export function paced(): () => Promise<void> | undefined {
  let untilMs = performance.now() + sliceMs;
  return () => {
    if (performance.now() < untilMs) return undefined;
    return setImmediate().then(() => {
      untilMs = performance.now() + sliceMs;
    });
  };
}

/** Items between two readings of the clock, which costs as much as a short visit. */
const itemsPerClockCheck = 8;

/** Visits every item in order and lets the event loop run after every 5 ms of work. */
export async function forEachInSlices<T>(
  items: Iterable<T>,
  visit: (item: T, at: number) => void,
): Promise<void> {
  const pause = paced();
  let at = 0;
  for (const item of items) {
    const pausing = at % itemsPerClockCheck === 0 ? pause() : undefined;
    if (pausing !== undefined) await pausing;
    visit(item, at++);
  }
}
