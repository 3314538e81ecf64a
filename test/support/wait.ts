import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until a condition holds. @param within milliseconds @throws the last error of the condition */
export async function waitFor(holds: () => Promise<boolean> | boolean, within = 30_000): Promise<void> {
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
