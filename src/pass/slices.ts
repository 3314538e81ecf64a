import { setImmediate } from 'node:timers/promises';
import type { Steps } from '../fleet/steps.ts';

/** Milliseconds of work in one piece. */
const longest = 10;

/** Runs long work a slice at a time: meanwhile locks are renewed, signs of life sent and requests answered. */
export async function inSlices<T>(steps: Steps<T>): Promise<T> {
  for (let until = performance.now() + longest; ; ) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() < until) continue;
    await setImmediate();
    until = performance.now() + longest;
  }
}
