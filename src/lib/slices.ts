import { setImmediate } from 'node:timers/promises';
import type { Steps } from './steps.ts';

/** Milliseconds of work in one piece. */
const longestMs = 5;

/** Runs long work a slice at a time: meanwhile locks are renewed, signs of life sent and requests answered. */
export async function inSlices<T>(steps: Steps<T>): Promise<T> {
  while (true) {
    // Before the first slice, too: it would lengthen what has just been done.
    await setImmediate();
    const until = performance.now() + longestMs;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (performance.now() < until);
  }
}

/** For long work in pieces that come one by one: what it gives, called before each, lets others have their turn. */
export function paced(): () => Promise<void> {
  let until = performance.now() + longestMs;
  return async () => {
    if (performance.now() < until) return;
    await setImmediate();
    until = performance.now() + longestMs;
  };
}
