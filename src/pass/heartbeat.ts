import type { HeartbeatFacts, Withheld } from '../fleet/heartbeat.ts';

/** What all processes know of the heartbeat to the outside. Throws the errors of `Ledger`. */
export interface HeartbeatRecord {
  /** How many hosts are monitored, and how many of them are fresh. */
  passes(): Promise<Pick<HeartbeatFacts, 'hosts' | 'freshHosts'>>;
  /** Whether this process is to send the next one: no process has claimed one within the last seconds. */
  claim(seconds: number): Promise<boolean>;
  /** @param receiver its address, without anything that may be secret */
  sent(receiver: string): Promise<void>;
  /** It was not sent, or did not arrive. After `againInSeconds` it may be claimed again. */
  withheld(because: Withheld, receiver: string, againInSeconds: number): Promise<void>;
  /** Heartbeats are not configured any more. */
  forget(): Promise<void>;
}
