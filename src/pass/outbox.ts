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
   * Reads the state of the hosts, calls `decide` and writes the decision, all in one transaction. Does nothing while
   * another process runs it.
   * @param watched milliseconds for which this process has monitored the fleet without a pause; a host is not reported
   *   as stale for a time in which the fleet was not monitored
   * @returns when a process last ran it
   */
  look(watched: number, decide: (facts: AlertFacts) => Decision): Promise<Look>;
  /** Repairs alerts that other programs made inconsistent, and deletes those that are no longer needed. */
  prune(): Promise<{ dropped: number }>;
  /** Claims the next due message for `lease` seconds, during which no other process gets it; null: none is due. */
  claim(lease: number): Promise<Sending | null>;
  delivered(id: string): Promise<void>;
  /** Schedules another attempt in `seconds` seconds, after a failed one. */
  postpone(id: string, seconds: number): Promise<void>;
  /** Deletes a message that the receiver will never accept. */
  drop(id: string): Promise<void>;
}
