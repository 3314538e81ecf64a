import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError, reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';

const pauses = { firstMs: 500, mostMs: 5000 };

/**
 * Asks a store until it answers: a process that starts while a store is away waits, as one that runs does.
 * @param isStopped checked before each try: then what the store said last is thrown
 * @throws what is not cured by waiting
 */
export async function untilReachable(
  ask: () => Promise<void>,
  isStopped: () => boolean,
  log: Log,
): Promise<void> {
  const outage = outageLog(
    (error) => log.warn({ reason: reasonOf(error) }, 'waiting for a store that does not answer'),
    () => log.info('the stores answer'),
  );
  for (let pauseMs = pauses.firstMs; ; pauseMs = Math.min(pauses.mostMs, 2 * pauseMs)) {
    try {
      await ask();
      outage.works();
      return;
    } catch (error) {
      const isAway =
        error instanceof FleetError &&
        (error.code === 'DATABASE_UNREACHABLE' || error.code === 'QUEUE_UNREACHABLE');
      if (!isAway || isStopped()) throw error;
      outage.failed(error);
      await sleep(pauseMs, undefined, { ref: true });
    }
  }
}
