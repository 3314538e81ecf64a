import { controlAction, controlTopic, requesterOf } from '../fleet/topics.ts';
import { endsWithin } from '../lib/ends-within.ts';
import type { Log } from '../lib/log.ts';
import type { Bus } from '../pass/announce.ts';
import type { Ledger } from '../pass/ledger.ts';
import { untilReachable } from './until-reachable.ts';

/** Resolves when a message asks this host's worker to stop. @returns who asked; null: the message does not say */
export const stopRequest = (bus: Bus, host: string, log: Log): Promise<string | null> =>
  new Promise((stop) => {
    bus.subscribe(controlTopic, (payload, scope) => {
      const action = controlAction(payload, host, scope);
      if (action === 'stop') stop(requesterOf(payload));
      if (action === 'names no host') log.warn({ host }, 'ignored a control message without host_uuid');
    });
  });

/** Milliseconds that a worker waits for the record of its stop. */
const recordWithinMs = 5000;

/**
 * Records that this host's worker stops on request. While the database does not answer, it keeps trying after the time
 * limit, until the process ends.
 */
export async function recordStop(
  { host, ledger, log }: { host: string; ledger: Pick<Ledger, 'stop'>; log: Log },
  by: string | null,
  isEnding: () => boolean,
): Promise<void> {
  const recorded = untilReachable(() => ledger.stop(host, by), isEnding, log).catch((error: unknown) =>
    log.warn({ host, error }, 'the stop of this worker is not recorded'),
  );
  await endsWithin(recordWithinMs, recorded);
}
