import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError, reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';

const pauses = { firstMs: 500, maxMs: 5000 };

/**
 * Retries until a store answers. A process that starts during an outage of a store waits, as a running process does.
 * @param isStopped checked after each failed attempt; if true, the error of that attempt is thrown
 * @throws every error other than an outage
 */
export async function untilReachable(
  ask: () => Promise<void>,
  isStopped: () => boolean,
  log: Log,
): Promise<void> {
  const outage = outageLog(
    (error) => log.warn({ reason: reasonOf(error) }, 'a store does not answer; retrying'),
    () => log.info('all stores answer again'),
  );
  for (let pauseMs = pauses.firstMs; ; pauseMs = Math.min(pauses.maxMs, 2 * pauseMs)) {
    try {
      await ask();
      outage.works();
      return;
    } catch (error) {
      const isOutage =
        error instanceof FleetError &&
        (error.code === 'DATABASE_UNREACHABLE' || error.code === 'QUEUE_UNREACHABLE');
      if (!isOutage || isStopped()) throw error;
      outage.failed(error);
      await sleep(pauseMs, undefined, { ref: true });
    }
  }
}
