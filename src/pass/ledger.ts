import type { AlertUpdate } from '../fleet/alerts/alert.ts';
import type { DecnetFact } from '../fleet/decnet-table/fact.ts';
import type { Desired } from '../fleet/desired.ts';
import type { Figures } from '../fleet/figures.ts';
import type { DeckyLines } from '../fleet/last-lines.ts';
import type { Change, Counts, TimedTransition, Transition } from '../fleet/plan/change.ts';
import type { Row } from '../fleet/plan/facts.ts';
import type { Memory } from '../fleet/plan/memory.ts';
import type { JsonObject } from '../lib/json.ts';
import type { PassRequest } from './request.ts';

/** What is recorded about a host before it is observed. */
export interface HostRecord {
  readonly host: string;
  /** The identity of the host's machine; null: no pass has run yet. */
  readonly identity: string | null;
  /** The number of transactions that passes have committed for the host. */
  readonly generation: string;
  /** The number of containers on its engine at the last full pass. */
  readonly containers: number;
  readonly memory: Memory;
  readonly figures: Figures;
}

/** What a host transaction needs to know about its pass. */
export type TransactionRequest = Pick<PassRequest, 'host' | 'only' | 'dryRun' | 'job'>;

/** A committed transition, with its `id` in `fleet_transitions`. */
export interface CommittedTransition extends Transition {
  readonly id: string;
}

export interface PassRecord {
  readonly identity: string | null;
  /** Docker answered. */
  readonly observed: boolean;
  /** Why the pass is incomplete; null: it is complete. */
  readonly error: string | null;
  readonly counts: Counts & { readonly held: number; readonly deckies: number; readonly containers: number };
  readonly memory: Memory;
  /** The totals, this pass included. */
  readonly figures: Figures;
}

/** The transaction of one host, under the host's lock. */
export interface HostTransaction {
  /** The database's clock, epoch milliseconds. */
  readonly now: number;
  /** The same, in microseconds: what the rows that it writes get. */
  readonly nowUs: number;
  readonly host: HostRecord;
  /**
   * The rows of the deckies that the pass is about.
   * @param desired a row whose content equals the file's shares its objects, and is read once per revision
   * @param others more deckies, if the pass is not about all
   */
  recorded(desired: Desired, others: readonly string[]): Promise<readonly Row[]>;
  /** What rows keep as `decky_config`: `recorded` does not read it for rows that the file does not declare. */
  configs(names: readonly string[]): Promise<ReadonlyMap<string, JsonObject | null>>;
  /** The transitions of rows that had more than one of them recently, oldest first. */
  recentTransitions(): Promise<readonly TimedTransition[]>;
  /** @returns the transitions that were written; rows that another program has written since are skipped */
  apply(changes: readonly Change[]): Promise<readonly CommittedTransition[]>;
  /** Updates the alerts, from which notifications are made. */
  alert(updates: readonly AlertUpdate[]): Promise<void>;
  record(pass: PassRecord): Promise<void>;
}

/** The recorded side of a host. Every method may throw DATABASE_UNREACHABLE and SCHEMA_MISSING. */
export interface Ledger {
  /** @param options.create whether to create the host's record if it does not exist */
  host(host: string, options: { create: boolean }): Promise<HostRecord>;
  /**
   * Runs `work` in one transaction, which is rolled back if `work` throws. It holds the host's lock, except in a dry
   * run.
   * @param generation the host's generation at observation; if it has changed, the observation is out of date
   */
  inTransaction<T>(
    request: TransactionRequest,
    generation: string,
    work: (transaction: HostTransaction) => Promise<T>,
  ): Promise<{ kind: 'committed'; outcome: T } | { kind: 'overtaken' }>;
  /**
   * Records the host with its worker's interval in seconds, so that schedulers and readers find it, and that it is not
   * stopped.
   */
  register(host: string, intervalS: number): Promise<void>;
  /** Records that the host's worker stops now, on request. @param by who asked; null: unknown */
  stop(host: string, by: string | null): Promise<void>;
  /** Records how DECNET's own table is, after a pass has written it. */
  noteDecnet(host: string, fact: DecnetFact): Promise<void>;
  /** Keeps the last lines of containers that took deckies down, for messages. */
  noteLastLines(host: string, found: readonly DeckyLines[]): Promise<void>;
  /** Deletes the host's rows, history and record. */
  forget(host: string): Promise<void>;
  /** Records this machine as the host's machine. */
  takeOver(host: string, identity: string): Promise<void>;
}
