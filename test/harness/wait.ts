import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something holds. @param within milliseconds @throws what it said last */
export async function waitFor(holds: () => Promise<boolean> | boolean, within = 60_000): Promise<void> {
  const until = performance.now() + within;
  let last: unknown = new Error('it never held');
  while (performance.now() < until) {
    try {
      if (await holds()) return;
    } catch (error) {
      last = error;
    }
    await sleep(25);
  }
  throw last;
}
