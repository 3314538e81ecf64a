import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';

/** `again`: there may be more to do now; `rest`: nothing before the next pause is over. */
export type Outcome = 'again' | 'rest';

/** Repeats some work until it is stopped. A failure is logged once, and the work is tried again after the pause. */
export async function repeat(
  work: () => Promise<Outcome>,
  { what, pauseMs, stopped, log }: { what: string; pauseMs: number; stopped: AbortSignal; log: Log },
): Promise<void> {
  const outage = outageLog(
    (error) => log.warn({ what, reason: reasonOf(error) }, 'notifications failed; retrying'),
    () => log.info({ what }, 'notifications work again'),
  );
  while (!stopped.aborted) {
    let next: Outcome = 'rest';
    try {
      next = await work();
      outage.works();
    } catch (error) {
      outage.failed(error);
    }
    if (next === 'rest') await sleep(pauseMs, undefined, { signal: stopped }).catch(() => undefined);
  }
}
