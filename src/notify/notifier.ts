import { setTimeout as sleep } from 'node:timers/promises';
import { decide, suppress } from '../fleet/alerts/decide.ts';
import { reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Outbox } from '../pass/outbox.ts';
import { webhook } from './webhook.ts';

export interface NotifierOptions {
  /** Null: there is no receiver. */
  readonly webhookUrl: string | null;
  /** The dashboard's address; null: messages have no link. */
  readonly publicUrl: string | null;
  readonly log: Log;
}

/** Milliseconds between two looks; without a receiver; and between two prunings. */
const lookEveryMs = 1000;
const lookWithoutReceiverMs = 15_000;
const pruneEveryMs = 15_000;
/** Milliseconds without a look after which this process no longer knows what went on meanwhile. */
const blindAfterMs = 10_000;
/** Seconds without a look of any process. */
const overdueAfterSeconds = 60;
/** Seconds that one attempt may take before another process makes it: longer than the receiver's time limit. */
const leaseSeconds = 30;
/** Seconds: the longest pause before a message is tried again. */
const postponeAtMostSeconds = 300;
/** How often a message that the receiver refuses is sent: it may be its own fault, which passes. */
const refusalsAtMost = 5;

/**
 * Tells the receiver what is wrong in the fleet, at least once each. Any number of processes may do so: one looks at a
 * time, and one sends a message. It never fails, and no pass waits for it.
 */
export function startNotifier(outbox: Outbox, options: NotifierOptions): { close(): Promise<void> } {
  const { log, publicUrl } = options;
  const stopping = new AbortController();
  const receiver = options.webhookUrl === null ? null : webhook(options.webhookUrl);

  const forEver = async (
    what: string,
    pause: number,
    work: () => Promise<'again' | 'rest'>,
  ): Promise<void> => {
    const database = onceEach(
      (reason) => log.warn({ what, reason }, 'notifications failed; retrying'),
      () => log.info({ what }, 'notifications work again'),
    );
    while (!stopping.signal.aborted) {
      const next = await work().then(
        (done) => {
          database(null);
          return done;
        },
        (error: unknown) => {
          database(reasonOf(error));
          return 'rest' as const;
        },
      );
      if (next === 'rest') await sleep(pause, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };

  let watchedFrom = Date.now();
  let lookedAt = Date.now();
  let prunedAt = 0;
  const pause = receiver === null ? lookWithoutReceiverMs : lookEveryMs;
  const look = async (): Promise<'rest'> => {
    const now = Date.now();
    if (Math.abs(now - lookedAt) > pause + blindAfterMs) watchedFrom = now;
    const isPruned = now - prunedAt < pruneEveryMs && now >= prunedAt;
    if (!isPruned) {
      const { dropped } = await outbox.prune();
      prunedAt = now;
      if (dropped > 0)
        log.warn({ dropped }, 'notifications could not be delivered within a day and are dropped');
    }
    const { lastLookSeconds } = await outbox.look(now - watchedFrom, (facts) =>
      receiver === null ? suppress(facts) : decide(facts, publicUrl),
    );
    // Another process that hangs, or somebody who holds the lock, must not end all notifications unnoticed.
    if (lastLookSeconds > overdueAfterSeconds)
      throw new Error(
        `no process has checked the alerts for ${Math.round(lastLookSeconds)} s: another session holds the row "alarms" of fleet_locks`,
      );
    // Only a look that succeeded counts: what was not seen while the database was away is not judged.
    lookedAt = Date.now();
    return 'rest';
  };

  const delivery = onceEach(
    (reason) => log.warn({ receiver: receiver?.origin, reason }, 'notifications are not delivered; retrying'),
    () => log.info({ receiver: receiver?.origin }, 'notifications are delivered again'),
  );
  // By a monotonic clock. Kept here alone: after a restart, and for each process, one attempt tells it again.
  let busyUntil = 0;
  const send = async (): Promise<'again' | 'rest'> => {
    if (performance.now() < busyUntil) return 'rest';
    const message = receiver === null ? null : await outbox.claim(leaseSeconds);
    if (receiver === null || message === null) return 'rest';
    const outcome = await receiver.send(message, stopping.signal);
    if (outcome.kind === 'delivered') {
      delivery(null);
      await outbox.delivered(message.id);
    } else if (outcome.kind === 'refused' && message.attempts + 1 >= refusalsAtMost) {
      log.warn(
        { id: message.id, reason: outcome.reason },
        'the receiver refused a notification, which is dropped',
      );
      await outbox.drop(message.id);
    } else {
      if (outcome.kind !== 'refused' && !stopping.signal.aborted) delivery(outcome.reason);
      // It is all messages that are too many, those to come included: they wait in their order, and none is dropped for it.
      if (outcome.kind === 'busy') busyUntil = performance.now() + outcome.seconds * 1000;
      await outbox.postpone(
        message.id,
        outcome.kind === 'busy' ? outcome.seconds : pauseAfter(message.attempts),
      );
    }
    return 'again';
  };

  const running = Promise.all([
    forEver('alerts', pause, look),
    ...(receiver === null ? [] : [forEver('messages', lookEveryMs, send)]),
  ]);
  return {
    close: async () => {
      stopping.abort();
      await running;
    },
  };
}

/** Seconds: 1, 2, 4 … with jitter, so that many messages do not come back at once. @param attempts made before */
const pauseAfter = (attempts: number): number =>
  Math.min(postponeAtMostSeconds, 2 ** Math.min(attempts, 20)) * (0.75 + Math.random() / 2);

/** Says once that something began to fail and once that it no longer does. */
function onceEach(fails: (reason: string) => void, works: () => void): (reason: string | null) => void {
  let failing = false;
  return (reason) => {
    if (reason !== null && !failing) fails(reason);
    if (reason === null && failing) works();
    failing = reason !== null;
  };
}
