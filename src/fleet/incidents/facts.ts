import type { Pause } from '../pause.ts';
import type { DeckyFacts } from './decky-facts.ts';
import type { OpenIncident } from './incident.ts';

/** What is known of the fleet at one moment. All times are epoch milliseconds. */
export interface FleetFacts {
  readonly now: number;
  readonly control: ControlFacts;
  /** All hosts with something wrong, and those of `deckies`. */
  readonly hosts: readonly HostFacts[];
  /** The deckies that are down, after they have settled, and those that keep changing. */
  readonly deckies: readonly DeckyFacts[];
  readonly open: readonly OpenIncident[];
}

/** The parts that all hosts share, as the process sees them that evaluates the facts. */
export interface ControlFacts {
  /** Since when the store of the queues does not answer; null: it does. */
  readonly queuesLostAt: number | null;
  /** When it answered again; null: this process has not lost it. */
  readonly queuesBackAt: number | null;
  /**
   * Whether these facts are not to be relied on: the process has just started, the database has just come back, or another
   * process has just seen that a part is back.
   */
  readonly isOld?: boolean;
  /** Where the queues are, for people. */
  readonly queuesLocation: string;
  /** Since when no process serves the schedule; null: one does, or it is unknown. */
  readonly schedulerLostAt: number | null;
  /** When the oldest notification was written that could not be delivered; null: there is none. */
  readonly undeliveredSince: number | null;
  /** The hosts whose queues are paused, and since when this process knows it. */
  readonly paused: ReadonlyMap<string, number>;
}

export interface HostFacts {
  readonly host: string;
  /** How many deckies are recorded. */
  readonly deckies: number;
  readonly intervalMs: number;
  /** The moment of its last full pass, if it is stale. */
  readonly staleSince: number | null;
  /** Whether a full pass is overdue, but the host is not recorded as stale yet. */
  readonly isLate: boolean;
  /** Its worker stopped on request. */
  readonly stopped: { readonly by: string | null; readonly at: number } | null;
  /** Somebody paused its passes, and that is recorded. */
  readonly paused: Pause | null;
  /** When somebody last resumed them; null: nobody did, or they were paused again. */
  readonly resumedAt: number | null;
  /** When its Docker last answered, if it does not. */
  readonly unreachableSince: number | null;
  /** Why it does not answer. */
  readonly dockerReason: string | null;
  /** Whether its faults keep changing. */
  readonly flappingSince: number | null;
  /** Why its passes fail, though Docker answers; null: they do not. */
  readonly failing: { readonly reason: string; readonly since: number } | null;
  /** The incident that the host belonged to at the last evaluation. */
  readonly under: string | null;
  /** Whether a message has named it as affected by this incident. */
  readonly isNotified: boolean;
}
