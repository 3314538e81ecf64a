import type { AlertFacts, Decision } from '../fleet/alerts/decide.ts';
import type { JsonObject } from '../lib/json.ts';

/** A message that this process sends now. */
export interface Sending {
  /** The same at every attempt: a receiver knows a repeat by it. */
  readonly id: string;
  /** How often it was tried before. */
  readonly attempts: number;
  readonly body: JsonObject;
}

export interface Look {
  /** Seconds since any process looked; 0: this one just did. */
  readonly lastLookSeconds: number;
}

/** The alerts of the fleet, and the messages about them until they are delivered. May throw as `Ledger` does. */
export interface Outbox {
  /**
   * Looks how the hosts are, decides, and writes what was decided, in one transaction. Nothing happens while another
   * process does so.
   * @param watched milliseconds for which this process saw the fleet without a pause: a host is not called stale
   *   because the host was not monitored
   * @returns when any process looked last
   */
  look(watched: number, decide: (facts: AlertFacts) => Decision): Promise<Look>;
  /** Repairs alerts that other programs' writes made wrong, and drops what is of no use any more. */
  prune(): Promise<{ dropped: number }>;
  /** The next message that is due, for nobody else until `lease` seconds are over; null: there is none. */
  claim(lease: number): Promise<Sending | null>;
  delivered(id: string): Promise<void>;
  /** Tried in vain: once more in so many seconds. */
  postpone(id: string, seconds: number): Promise<void>;
  /** The receiver will never take it. */
  drop(id: string): Promise<void>;
}
