import { isWanted } from '../fleet/alerts/filter.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';
import type { Outbox } from '../pass/outbox.ts';
import type { Receiver } from './receiver.ts';
import type { Outcome } from './repeat.ts';

/**
 * Sends what is open again to a receiver that forgets it. Alertmanager resolves an alert by itself when it is not repeated, and
 * loses all when it restarts. What somebody has acknowledged is sent once more, to stay there until its end, and no longer
 * repeated.
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
  let acknowledged: ReadonlySet<string> = new Set();
  return async () => {
    const wanted = (await outbox.open()).filter((incident) => isWanted(filter, { incident }));
    const open = wanted.filter((one) => one.acknowledged !== true || !acknowledged.has(keyOf(one)));
    if (open.length === 0 || repeat === undefined) return 'rest';
    const outcome = await repeat(open, stopped);
    if (outcome.kind === 'delivered') {
      outage.works();
      acknowledged = new Set(wanted.filter((one) => one.acknowledged === true).map(keyOf));
    } else if (!stopped.aborted) outage.failed(outcome.reason);
    return 'rest';
  };
}

/** An id is the same each time that the cause comes back. */
const keyOf = ({ id, since }: JsonObject): string => `${id} ${since}`;
