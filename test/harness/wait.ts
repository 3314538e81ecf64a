import { setTimeout as sleep } from 'node:timers/promises';

/** Between two checks, milliseconds: a twentieth of the time waited so far. To look more often takes others' processor time. */
const [leastPauseMs, maxPauseMs] = [25, 150];

/** Waits until something holds. @param within milliseconds @throws what it said last */
export async function waitFor(holds: () => Promise<boolean> | boolean, within = 60_000): Promise<void> {
  const began = performance.now();
  let last: unknown = new Error('it never held');
  for (let waitedMs = 0; waitedMs < within; waitedMs = performance.now() - began) {
    try {
      if (await holds()) return;
    } catch (error) {
      last = error;
    }
    await sleep(Math.min(maxPauseMs, Math.max(leastPauseMs, waitedMs / 20)));
  }
  throw last;
}
