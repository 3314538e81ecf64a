import { decide, suppress } from '../fleet/alerts/decide.ts';
import type { Log } from '../lib/log.ts';
import type { Outbox } from '../pass/outbox.ts';
import { alertCheck } from './check.ts';
import { repeat } from './repeat.ts';
import { sender } from './send.ts';
import { webhook } from './webhook.ts';

export interface NotifierOptions {
  /** The receiver's address; null: none is configured. */
  readonly webhookUrl: string | null;
  /** The dashboard's public address for links; null: messages have no link. */
  readonly publicUrl: string | null;
  readonly log: Log;
}

/** Milliseconds between two checks of the alerts, and the same without a receiver. */
const lookEveryMs = 1000;
const lookWithoutReceiverMs = 15_000;
/** Milliseconds between two searches for a message to send. */
const sendEveryMs = 1000;

/**
 * Sends a notification for each alert to the receiver, at least once. Any number of processes may run it: only one checks the
 * alerts at a time, and only one sends a given message. It never fails, and no pass waits for it.
 */
export function startNotifier(outbox: Outbox, options: NotifierOptions): { close(): Promise<void> } {
  const { log, publicUrl, webhookUrl } = options;
  const stopping = new AbortController();
  const stopped = stopping.signal;
  const receiver = webhookUrl === null ? null : webhook(webhookUrl);
  const everyMs = receiver === null ? lookWithoutReceiverMs : lookEveryMs;
  const check = alertCheck(
    outbox,
    (facts) => (receiver === null ? suppress(facts) : decide(facts, publicUrl)),
    { everyMs, log },
  );
  const running = [repeat(check, { what: 'alerts', pauseMs: everyMs, stopped, log })];
  if (receiver !== null) {
    const send = sender(outbox, receiver, { stopped, log });
    running.push(repeat(send, { what: 'messages', pauseMs: sendEveryMs, stopped, log }));
  }
  return {
    close: async () => {
      stopping.abort();
      await Promise.all(running);
    },
  };
}
