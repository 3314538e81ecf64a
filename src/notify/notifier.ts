import { setTimeout as sleep } from 'node:timers/promises';
import { decide, suppress } from '../fleet/alerts/decide.ts';
import { reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Outbox } from '../pass/outbox.ts';
import { webhook } from './webhook.ts';

export interface NotifierOptions {
  /** The receiver's address; null: none is configured. */
  readonly webhookUrl: string | null;
  /** The dashboard's public address for links; null: messages have no link. */
  readonly publicUrl: string | null;
  readonly log: Log;
}

/** Milliseconds between two checks of the alerts, the same without a receiver, and between two prunings. */
const lookEveryMs = 1000;
const lookWithoutReceiverMs = 15_000;
const pruneEveryMs = 15_000;
/** Milliseconds without a check after which this process no longer knows what happened in between. */
const blindAfterMs = 10_000;
/** Seconds without a check by any process after which a warning is logged. */
const overdueAfterSeconds = 60;
/** Seconds for which a claimed message is not claimed by another process; longer than the receiver's time limit. */
const leaseSeconds = 30;
/** The longest pause in seconds before a message is sent again. */
const postponeAtMostSeconds = 300;
/** How often a refused message is sent before it is dropped: the refusal may be a temporary fault of the receiver. */
const refusalsAtMost = 5;

/**
 * Sends a notification for each alert to the receiver, at least once. Any number of processes may run it: only one checks the
 * alerts at a time, and only one sends a given message. It never fails, and no pass waits for it.
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
        log.warn({ dropped }, 'notifications dropped: they could not be delivered within a day');
    }
    const { lastLookSeconds } = await outbox.look(now - watchedFrom, (facts) =>
      receiver === null ? suppress(facts) : decide(facts, publicUrl),
    );
    // Log it when a process that hangs, or any other session, holds the lock and so blocks all notifications.
    if (lastLookSeconds > overdueAfterSeconds)
      throw new Error(
        `no process has checked the alerts for ${Math.round(lastLookSeconds)} s: another session holds the row "alarms" of fleet_locks`,
      );
    // Only a successful check counts: while the database was unreachable, nothing was checked.
    lookedAt = Date.now();
    return 'rest';
  };

  const delivery = onceEach(
    (reason) => log.warn({ receiver: receiver?.origin, reason }, 'cannot deliver notifications; retrying'),
    () => log.info({ receiver: receiver?.origin }, 'notifications are delivered again'),
  );
  // Monotonic. Kept in memory only: after a restart, and in each other process, one attempt finds it out again.
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
      log.warn({ id: message.id, reason: outcome.reason }, 'notification dropped: the receiver refused it');
      await outbox.drop(message.id);
    } else {
      if (outcome.kind !== 'refused' && !stopping.signal.aborted) delivery(outcome.reason);
      // The limit applies to all messages, also to later ones: they wait in order, and none is dropped.
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

/** The pause before the next attempt, in seconds: 1, 2, 4 … with jitter. @param attempts the number of earlier attempts */
const pauseAfter = (attempts: number): number =>
  Math.min(postponeAtMostSeconds, 2 ** Math.min(attempts, 20)) * (0.75 + Math.random() / 2);

/** Reports the first failure, and the first success after failures. */
function onceEach(fails: (reason: string) => void, works: () => void): (reason: string | null) => void {
  let failing = false;
  return (reason) => {
    if (reason !== null && !failing) fails(reason);
    if (reason === null && failing) works();
    failing = reason !== null;
  };
}
