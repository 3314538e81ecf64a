import { isWanted } from '../fleet/alerts/filter.ts';
import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';
import type { Outbox } from '../pass/outbox.ts';
import type { Receiver } from './receiver.ts';
import type { Outcome } from './repeat.ts';

/**
 * Sends what is open again to a receiver that forgets it. Alertmanager resolves an alert by itself when nobody repeats it, and
 * loses all when it restarts.
 */
export function openRepeater(
  outbox: Pick<Outbox, 'open'>,
  { name, origin, filter, repeat }: Receiver,
  { stopped, log }: { stopped: AbortSignal; log: Log },
): () => Promise<Outcome> {
  const outage = outageLog(
    (reason) => log.warn({ name, receiver: origin, reason }, 'cannot repeat open incidents; retrying'),
    () => log.info({ name, receiver: origin }, 'open incidents are repeated again'),
  );
  return async () => {
    const open = (await outbox.open()).filter((incident) => isWanted(filter, { incident }));
    if (open.length === 0 || repeat === undefined) return 'rest';
    const outcome = await repeat(open, stopped);
    if (outcome.kind === 'delivered') outage.works();
    else if (!stopped.aborted) outage.failed(outcome.reason);
    return 'rest';
  };
}
