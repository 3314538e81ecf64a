import type { Filter } from '../fleet/filter/term.ts';
import type { Undeclared } from '../fleet/plan/undeclared.ts';
import type { FleetState } from '../fleet/state.ts';
import type { Json } from '../lib/json.ts';
import type { IncidentFilter, IncidentView } from './incidents.ts';
import type { SilenceView } from './silences.ts';

/** One host in the output of `hosts` and `status`. Times are ISO 8601. */
export interface HostView {
  readonly host_uuid: string;
  /** Whether its last full pass is older than three intervals, or there was none. Its states are then last known. */
  readonly stale: boolean;
  readonly interval_s: number;
  /** Null: no worker has ever monitored it; its rows come from another program, or only the configuration includes it. */
  readonly first_seen_at: string | null;
  readonly last_pass_at: string | null;
  readonly last_full_pass_at: string | null;
  readonly last_observed_at: string | null;
  readonly docker: 'ok' | 'unreachable' | 'unknown';
  readonly last_error: string | null;
  /** Its worker stopped on request; null: it did not, or a worker has started since. */
  readonly stopped: Stopped | null;
  /** Somebody paused its passes; null: nobody did, or they were resumed. */
  readonly paused: Paused | null;
  readonly version: string | null;
  readonly counts: Json;
  /** The number of recorded deckies by state. */
  readonly states: Readonly<Partial<Record<FleetState, number>>>;
  readonly held: readonly KeptRow[];
  readonly left: readonly KeptRow[];
  readonly contested: readonly KeptRow[];
  readonly undeclared: readonly UndeclaredDecky[];
  /** The deployment under way; null: none. */
  readonly deploying: Deploying | null;
  /** Why its last full pass did not check ports; null: it did, or there was none. */
  readonly ports_unchecked: string | null;
  /** How its worker keeps DECNET's own table; null: it does not. */
  readonly decnet_table: DecnetTableView | null;
}

/** Times are ISO 8601. */
export interface DecnetTableView {
  /** When it last agreed with ours; null: it never did. */
  readonly synced_at: string | null;
  /** Since when it cannot be read or written; null: it can. */
  readonly failing_since: string | null;
  readonly reason: string | null;
  /** What another program does to its rows again and again; null: nothing. */
  readonly rival: string | null;
}

/** A decky whose containers run although neither the file nor the table has it. */
export interface UndeclaredDecky extends Omit<Undeclared, 'since'> {
  readonly name: string;
  /** ISO 8601. */
  readonly since: string;
  /** The command that removes its containers, to be run on its host; null: their names are not plain. */
  readonly remove: string | null;
}

export interface Deploying {
  /** What is deployed, for people: `web-02, iot-01`, or `the state file`. */
  readonly of: string;
  /** ISO 8601. */
  readonly since: string;
}

export interface Stopped {
  /** Who asked for it, as the message says; null: it does not say. */
  readonly by: string | null;
  /** ISO 8601. */
  readonly at: string;
}

/** Times are ISO 8601. */
export interface Paused {
  readonly by: string;
  readonly why: string;
  readonly since: string;
  /** When it ends by itself; null: when somebody resumes it. */
  readonly until: string | null;
}

export interface KeptRow {
  readonly name: string;
  readonly reason: string;
  readonly since: string;
}

/** One row of `fleet_deckies`. */
export interface DeckyRow {
  readonly name: string;
  readonly ip: string | null;
  readonly services: Json;
  readonly state: FleetState;
  readonly last_error: string | null;
  /** When it changed to this state; null: not in the history. */
  readonly since: string | null;
  /** When its last change of state was observed; null: a pass has observed none. */
  readonly last_seen: string | null;
  readonly updated_at: string;
}

export interface Transition {
  readonly id: number;
  readonly host_uuid: string;
  readonly name: string;
  readonly from_state: string | null;
  readonly to_state: string | null;
  readonly reason: string;
  readonly at: string;
  readonly job_id: string | null;
}

export interface Gap {
  readonly host_uuid: string;
  readonly from_at: string;
  readonly to_at: string;
}

export interface Report {
  /** @param host null: all hosts */
  hosts(host: string | null): Promise<readonly HostView[]>;
  /** The registered hosts with their intervals in seconds, for the schedule. @param only limits them to these hosts */
  intervals(only?: readonly string[]): Promise<readonly Pick<HostView, 'host_uuid' | 'interval_s'>[]>;
  /** The deckies of one host, sorted by name. */
  deckies(host: string): Promise<readonly DeckyRow[]>;
  /** Transitions and gaps, newest first. @param filter.since ISO 8601 */
  history(filter: HistoryFilter): Promise<{ transitions: readonly Transition[]; gaps: readonly Gap[] }>;
  /** The transitions with greater ids, oldest first. An id is given before its transition is committed. */
  transitionsAfter(
    filter: Pick<HistoryFilter, 'host' | 'decky' | 'filter'>,
    id: number,
    limit: number,
  ): Promise<readonly Transition[]>;
  /** The greatest id of a transition that is older than this; 0: there is none. */
  lastTransitionBefore(seconds: number): Promise<number>;
  /** The gaps of one host, or of all, newest first, at most a thousand. @param since ISO 8601; null: all */
  gaps(host: string | null, since: string | null): Promise<readonly Gap[]>;
  /** Open incidents first, in the order of their importance, then closed ones, the latest first. */
  incidents(filter: IncidentFilter): Promise<readonly IncidentView[]>;
  /** The silences, the newest first. @param filter.ended also those that are over */
  silences(filter: { ended: boolean }): Promise<readonly SilenceView[]>;
  /** Whether a worker has registered the host, or the host has rows. */
  knowsHost(host: string): Promise<boolean>;
  /** Some of the known hosts and `others`, sorted by name, and the total number. */
  someHosts(max: number, others: readonly string[]): Promise<{ names: readonly string[]; count: number }>;
  /** The hosts that have a decky of this name, in the table or in the history. */
  hostsOfDecky(name: string): Promise<readonly string[]>;
  /** Whether a role has been granted the host. */
  isGranted(host: string): Promise<boolean>;
  /** The number of rows of a host, without those whose content equals one of these deckies. */
  countRows(host: string, except: readonly Json[]): Promise<number>;
}

export interface HistoryFilter {
  readonly host: string | null;
  readonly decky: string | null;
  /** ISO 8601, as `until`; null: any time. */
  readonly since: string | null;
  readonly limit: number;
  readonly until?: string | null;
  /** The state of a change is the new one; the address and the services are those that its decky has now. */
  readonly filter?: Filter;
  /** Only transitions that are older than the one with this id. */
  readonly before?: number | null;
}
