import { setImmediate } from 'node:timers/promises';

/** Milliseconds of work before the event loop runs again. */
const sliceMs = 5;

/**
 * For long work that arrives in pieces: call the result before each piece, and await it. It lets the event loop run
 * after every 5 ms of work, so that locks are renewed, heartbeats sent and requests answered meanwhile.
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

/** Visits every item in order, and lets the event loop run after every 5 ms of work. */
export async function forEachInSlices<T>(
  items: Iterable<T>,
  visit: (item: T, at: number) => void,
): Promise<void> {
  const pause = paced();
  let at = 0;
  for (const item of items) {
    const pausing = pause();
    if (pausing !== undefined) await pausing;
    visit(item, at++);
  }
}
