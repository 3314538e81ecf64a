import type { AlertUpdate } from '../fleet/alerts/alert.ts';
import type { Desired } from '../fleet/desired.ts';
import type { Figures } from '../fleet/figures.ts';
import type { Change, Counts, TimedTransition, Transition } from '../fleet/plan/change.ts';
import type { Row } from '../fleet/plan/facts.ts';
import type { Memory } from '../fleet/plan/memory.ts';
import type { PassRequest } from './request.ts';

/** What is recorded of a host before it is looked at. */
export interface HostRecord {
  readonly host: string;
  /** The machine that the host is; null: no pass was there yet. */
  readonly identity: string | null;
  /** How many transactions passes have committed for it. */
  readonly generation: string;
  /** How many containers its engine had at the last full pass. */
  readonly containers: number;
  readonly memory: Memory;
  readonly figures: Figures;
}

/** What a host transaction needs to know of its pass. */
export type TransactionRequest = Pick<PassRequest, 'host' | 'only' | 'dryRun' | 'job'>;

/** A committed change, with its number in `fleet_transitions`. */
export interface CommittedTransition extends Transition {
  readonly id: string;
}

export interface PassRecord {
  readonly identity: string | null;
  /** Docker answered. */
  readonly observed: boolean;
  /** Why the pass is not whole; null: it is. */
  readonly error: string | null;
  readonly counts: Counts & { readonly held: number; readonly deckies: number; readonly containers: number };
  readonly memory: Memory;
  /** With this pass. */
  readonly figures: Figures;
}

/** One host's transaction, under its lock. */
export interface HostTransaction {
  /** The database's clock, epoch milliseconds. */
  readonly now: number;
  readonly host: HostRecord;
  /** @param desired content that equals the file's is not read again for the same revision, and not held twice */
  recorded(desired: Desired): Promise<readonly Row[]>;
  /** Of rows with more than one transition lately, oldest first. */
  recentTransitions(): Promise<readonly TimedTransition[]>;
  /** @returns what was written: a row that another program wrote in between is left out */
  apply(changes: readonly Change[]): Promise<readonly CommittedTransition[]>;
  /** What was written, to those who are told when a decky fails or recovers. */
  alert(updates: readonly AlertUpdate[]): Promise<void>;
  record(pass: PassRecord): Promise<void>;
}

/** The recorded side of a host. Every method may throw DATABASE_UNREACHABLE and SCHEMA_MISSING. */
export interface Ledger {
  /** @param options.create makes the host's record if there is none */
  host(host: string, options: { create: boolean }): Promise<HostRecord>;
  /**
   * Runs `work` in one transaction, under the host's lock unless it is a dry run; what throws in it writes nothing.
   * @param generation the host's when it was observed: if it is another one now, the observation is out of date
   */
  inTransaction<T>(
    request: TransactionRequest,
    generation: string,
    work: (transaction: HostTransaction) => Promise<T>,
  ): Promise<{ kind: 'committed'; outcome: T } | { kind: 'overtaken' }>;
  /** Makes the host known to schedulers and readers, with its worker's interval in seconds. */
  register(host: string, intervalS: number): Promise<void>;
  /** Removes the host: its rows, its history, its record. */
  forget(host: string): Promise<void>;
  /** From now on the host is this machine. */
  takeOver(host: string, identity: string): Promise<void>;
}
