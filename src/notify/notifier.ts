import { settle } from '../fleet/alerts/decide.ts';
import { isWanted } from '../fleet/alerts/filter.ts';
import type { Notification } from '../fleet/alerts/notification.ts';
import type { ControlFacts } from '../fleet/incidents/facts.ts';
import type { Log } from '../lib/log.ts';
import type { Outbox } from '../pass/outbox.ts';
import type { ReceiverSettings } from './addresses.ts';
import { alertCheck } from './check.ts';
import { databaseOutage, outageSender } from './database-outage.ts';
import { openReceiver } from './receiver.ts';
import { repeat } from './repeat.ts';
import { openRepeater } from './repeat-open.ts';
import { sender } from './send.ts';

/** What this process knows of the control plane. */
export interface ControlWatch {
  facts(): ControlFacts;
  /** Hosts whose passes are overdue: their queues may be paused. */
  silent(hosts: readonly string[]): void;
}

export interface NotifierOptions {
  /** Empty: incidents are kept, and nothing is sent. */
  readonly receivers: readonly ReceiverSettings[];
  /** The dashboard's public address for links; null: messages have no link. */
  readonly publicUrl: string | null;
  readonly control: ControlWatch;
  readonly log: Log;
}

/** Milliseconds between two checks of the alerts, and the same without receivers. */
const checkEveryMs = 1000;
const checkEveryWithoutReceiverMs = 3000;
/** Milliseconds between two searches for a message to send. */
const sendEveryMs = 1000;
/** Milliseconds between two repetitions of what is open, to a receiver that forgets it. */
const repeatEveryMs = 60_000;

const withAge = (control: ControlFacts, isJustBack: boolean): ControlFacts => ({
  ...control,
  isOld: isJustBack || control.isOld === true,
});

/**
 * Keeps the incidents, and sends the notifications about them to each receiver, at least once. A receiver that is down delays
 * no other one. Any number of processes may run it: only one checks the alerts at a time, and only one sends a given message.
 * It never fails, and no pass waits for it.
 */
export function startNotifier(outbox: Outbox, options: NotifierOptions): { close(): Promise<void> } {
  const { log, publicUrl } = options;
  const stopping = new AbortController();
  const stopped = stopping.signal;
  const receivers = options.receivers.map(openReceiver);
  const everyMs = receivers.length === 0 ? checkEveryWithoutReceiverMs : checkEveryMs;
  const deciding = {
    settle,
    messages: receivers.length === 0 ? null : { publicUrl },
    receiversOf: (message: Notification) =>
      receivers.filter(({ filter }) => isWanted(filter, message)).map(({ key }) => key),
  };
  const outage = databaseOutage();
  const check = alertCheck(
    outbox,
    () => ({ ...deciding, control: withAge(options.control.facts(), outage.isJustOver()) }),
    { everyMs, log, outage, silent: options.control.silent },
  );
  const running = [repeat(check, { what: 'alerts', pauseMs: everyMs, stopped, log })];
  for (const receiver of receivers) {
    const send = sender(outbox, receiver, { stopped, log });
    running.push(repeat(send, { what: 'messages', pauseMs: sendEveryMs, stopped, log }));
    const sendOutage = outageSender(outage, receiver, { publicUrl, stopped, log });
    running.push(repeat(sendOutage, { what: 'outage', pauseMs: sendEveryMs, stopped, log }));
    if (receiver.repeat === undefined) continue;
    const again = openRepeater(outbox, receiver, { stopped, log });
    running.push(repeat(again, { what: 'open incidents', pauseMs: repeatEveryMs, stopped, log }));
  }
  return {
    close: async () => {
      stopping.abort();
      await Promise.all(running);
    },
  };
}
