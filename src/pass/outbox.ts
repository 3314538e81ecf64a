import type { settle } from '../fleet/alerts/decide.ts';
import type { Notification } from '../fleet/alerts/notification.ts';
import type { ControlFacts } from '../fleet/incidents/facts.ts';
import type { MessageOptions } from '../fleet/incidents/judge.ts';
import type { JsonObject } from '../lib/json.ts';

/** A message that this process is about to send. */
export interface Sending {
  /** The same at every attempt, so that a receiver can recognize a repeat. */
  readonly id: string;
  /** The number of earlier attempts. */
  readonly attempts: number;
  readonly body: JsonObject;
}

export interface AlertCheck {
  /** Seconds since a process last ran `look`; 0: this process just did. */
  readonly lastCheckSeconds: number;
  /** The hosts whose full pass is overdue, if the incidents were evaluated. */
  readonly silent?: readonly string[];
  /** Whether this process is the one that reports an outage of the database. */
  readonly isSender?: boolean;
}

/** How the alerts and incidents are decided. */
export interface Deciding {
  readonly settle: typeof settle;
  /** What this process knows of the control plane. */
  readonly control: ControlFacts;
  readonly messages: MessageOptions;
  /** The keys of the receivers that a message is for. */
  receiversOf(message: Notification): readonly string[];
  /** Since when the database did not answer this process until now, epoch milliseconds; null: it did. */
  readonly databaseLostAt: number | null;
}

/** The alerts of the fleet and the messages about them that are not delivered yet. Throws the errors of `Ledger`. */
export interface Outbox {
  /**
   * Checks the hosts and alerts, decides which incidents are open and which messages are sent about them, and writes that, in one
   * transaction. Does nothing while another process does so.
   * @param watchedMs for how long this process has watched the fleet without a pause: a host is not stale because
   *   nothing watched it
   * @returns when a process last checked them
   */
  check(watchedMs: number, deciding: Deciding): Promise<AlertCheck>;
  /** Whether the database does not answer soon, or cannot be written to. Never throws. */
  isAway(): Promise<boolean>;
  /** Repairs alerts that are wrong since another program wrote, and drops what is no longer needed. */
  prune(): Promise<{ dropped: number }>;
  /** The next message for a receiver that is due; no other process claims it within the lease. Null: there is none. */
  claim(leaseSeconds: number, receiver: string): Promise<Sending | null>;
  delivered(id: string): Promise<void>;
  /** An attempt failed for this reason; the next one is made after these seconds. */
  postpone(id: string, seconds: number, fault: string): Promise<void>;
  /** The receiver will never accept it. */
  drop(id: string): Promise<void>;
  /** The open incidents that a message was sent about, as messages contain them, and whether they are `acknowledged`. */
  open(): Promise<readonly JsonObject[]>;
}
