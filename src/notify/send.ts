import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';
import type { Outbox } from '../pass/outbox.ts';
import type { Receiver } from './receiver.ts';
import type { Outcome } from './repeat.ts';

/** Seconds for which a claimed message is not claimed by another process; longer than the receiver's time limit. */
const leaseSeconds = 30;
/** The longest pause in seconds before a message is sent again. */
const postponeAtMostSeconds = 300;
/** How often a refused message is sent before it is dropped: the refusal may be a temporary fault of the receiver. */
const refusalsAtMost = 5;

/** Sends the next message of the outbox for a receiver. */
export function sender(
  outbox: Outbox,
  { key, name, origin, send }: Receiver,
  { stopped, log }: { stopped: AbortSignal; log: Log },
): () => Promise<Outcome> {
  const outage = outageLog(
    (reason) => log.warn({ name, receiver: origin, reason }, 'cannot deliver notifications; retrying'),
    () => log.info({ name, receiver: origin }, 'notifications are delivered again'),
  );
  // Monotonic. Kept in memory only: after a restart, and in each other process, one attempt finds it out again.
  let busyUntil = 0;
  return async () => {
    if (performance.now() < busyUntil) return 'rest';
    const message = await outbox.claim(leaseSeconds, key);
    if (message === null) return 'rest';
    const outcome = await send(message, stopped);
    if (outcome.kind === 'delivered') {
      outage.works();
      await outbox.delivered(message.id);
    } else if (outcome.kind === 'refused' && message.attempts + 1 >= refusalsAtMost) {
      const { id } = message;
      log.warn({ id, name, reason: outcome.reason }, 'notification dropped: the receiver refused it');
      await outbox.drop(message.id);
    } else {
      if (outcome.kind !== 'refused' && !stopped.aborted) outage.failed(outcome.reason);
      // The limit applies to all messages, also to later ones: they wait in order, and none is dropped.
      if (outcome.kind === 'busy') busyUntil = performance.now() + outcome.seconds * 1000;
      await outbox.postpone(
        message.id,
        outcome.kind === 'busy' ? outcome.seconds : pauseSecondsAfter(message.attempts),
        outcome.reason,
      );
    }
    return 'again';
  };
}

/** The pause before the next attempt, in seconds: 1, 2, 4 … with jitter. @param attempts the number of earlier attempts */
const pauseSecondsAfter = (attempts: number): number =>
  Math.min(postponeAtMostSeconds, 2 ** Math.min(attempts, 20)) * (0.75 + Math.random() / 2);
