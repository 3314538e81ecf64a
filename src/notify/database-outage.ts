import { randomUUID } from 'node:crypto';
import { isWanted } from '../fleet/alerts/filter.ts';
import { outageFromMs, outageMessage } from '../fleet/incidents/outage.ts';
import type { Log } from '../lib/log.ts';
import type { AlertCheck, Sending } from '../pass/outbox.ts';
import type { Receiver } from './receiver.ts';
import type { Outcome } from './repeat.ts';

/** What this process knows of an outage of the database. Times are epoch milliseconds. */
export interface DatabaseOutage {
  /** Since when the database does not answer; null: it does. */
  awaySince(): number | null;
  /** Since when it did not answer until now, as long as no process can have recorded it. */
  unrecordedSince(): number | null;
  /** Whether it was over so short a time ago that other parts were not checked since. */
  isJustOver(): boolean;
  /** Whether this process is the one that reports it. */
  isSender(): boolean;
  /** A check that began at this time failed. One failure is no outage: it may be a connection that is replaced. */
  failed(at: number): void;
  checked(checked: Pick<AlertCheck, 'lastCheckSeconds' | 'isSender'>): void;
}

/** Milliseconds within which each part of the control plane is checked again. */
const checksWithinMs = 15_000;

export function databaseOutage(): DatabaseOutage {
  let endedAt = -Infinity;
  let failedAt: number | null = null;
  let away: number | null = null;
  let unrecorded: number | null = null;
  let sends = false;
  return {
    awaySince: () => away,
    unrecordedSince: () => unrecorded,
    isJustOver: () => away !== null || Date.now() - endedAt < checksWithinMs,
    isSender: () => sends,
    failed: (at) => {
      if (failedAt !== null) {
        away ??= failedAt;
        unrecorded ??= failedAt;
      }
      failedAt ??= at;
    },
    checked: ({ lastCheckSeconds, isSender = false }) => {
      if (away !== null) endedAt = Date.now();
      away = null;
      failedAt = null;
      // Another process that holds the lock has not recorded it.
      if (lastCheckSeconds !== 0) return;
      unrecorded = null;
      sends = isSender;
    },
  };
}

/** The longest pause in milliseconds before the message is sent again. */
const againAtMostMs = 30_000;

/** Reports directly to a receiver that the database does not answer: meanwhile no message can be written. */
export function outageSender(
  outage: Pick<DatabaseOutage, 'awaySince' | 'isSender'>,
  receiver: Pick<Receiver, 'send' | 'origin' | 'filter'>,
  { publicUrl, stopped, log }: { publicUrl: string | null; stopped: AbortSignal; log: Log },
): () => Promise<Outcome> {
  let message: (Sending & { readonly since: number }) | null = null;
  let isDone = false;
  let notBefore = 0;
  return async () => {
    const since = outage.awaySince();
    if (since === null || !outage.isSender() || Date.now() - since < outageFromMs) return 'rest';
    if (message?.since !== since) {
      const body = outageMessage(since, publicUrl);
      message = { id: randomUUID(), attempts: 0, body, since };
      isDone = !isWanted(receiver.filter, body);
      notBefore = 0;
    }
    if (isDone || performance.now() < notBefore) return 'rest';
    const outcome = await receiver.send(message, stopped);
    isDone = outcome.kind === 'delivered' || outcome.kind === 'refused';
    if (outcome.kind !== 'delivered' && !stopped.aborted)
      log.warn(
        { receiver: receiver.origin, reason: outcome.reason },
        'cannot deliver the notification that the database does not answer',
      );
    notBefore =
      performance.now() +
      (outcome.kind === 'busy'
        ? outcome.seconds * 1000
        : Math.min(againAtMostMs, 1000 * 2 ** message.attempts));
    message = { ...message, attempts: message.attempts + 1 };
    return 'rest';
  };
}
