import type { AlertFacts, Decision } from '../fleet/alerts/decide.ts';
import type { JsonObject } from '../lib/json.ts';

/** A message that this process is about to send. */
export interface Sending {
  /** The same at every attempt, so that a receiver can recognize a repeat. */
  readonly id: string;
  /** The number of earlier attempts. */
  readonly attempts: number;
  readonly body: JsonObject;
}

export interface Look {
  /** Seconds since a process last ran `look`; 0: this process just did. */
  readonly lastLookSeconds: number;
}

/** The alerts of the fleet and the messages about them that are not delivered yet. Throws the errors of `Ledger`. */
export interface Outbox {
  /**
   * Checks the hosts and alerts, decides, and writes what was decided, in one transaction. Does nothing while another
   * process does so.
   * @param watchedMs for how long this process has watched the fleet without a pause: a host is not stale because
   *   nothing watched it
   * @returns when any process looked last
   */
  look(watchedMs: number, decide: (facts: AlertFacts) => Decision): Promise<Look>;
  /** Repairs alerts that are wrong since another program wrote, and drops what is no longer needed. */
  prune(): Promise<{ dropped: number }>;
  /** The next message that is due; no other process claims it within the lease. Null: there is none. */
  claim(leaseSeconds: number): Promise<Sending | null>;
  delivered(id: string): Promise<void>;
  /** An attempt failed; the next one is made after these seconds. */
  postpone(id: string, seconds: number): Promise<void>;
  /** The receiver will never accept it. */
  drop(id: string): Promise<void>;
}
