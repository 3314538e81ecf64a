import type { FleetState } from '../fleet/state.ts';
import type { Json } from '../lib/json.ts';

/** One host as `hosts` and `status` tell it. Times are ISO 8601. */
export interface HostView {
  readonly host_uuid: string;
  /** Its last full pass is older than three intervals, or there was none: its states are last known ones. */
  readonly stale: boolean;
  readonly interval_s: number;
  /** Null: no worker has ever looked at it; its rows are another program's, or the configuration names it. */
  readonly first_seen_at: string | null;
  readonly last_pass_at: string | null;
  readonly last_full_pass_at: string | null;
  readonly last_observed_at: string | null;
  readonly docker: 'ok' | 'unreachable' | 'unknown';
  readonly last_error: string | null;
  readonly version: string | null;
  readonly counts: Json;
  /** How many deckies are recorded in each state. */
  readonly states: Readonly<Partial<Record<FleetState, number>>>;
  readonly held: readonly HostNote[];
  readonly left: readonly HostNote[];
  readonly contested: readonly HostNote[];
}

export interface HostNote {
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
  /** When it came to this state, as far as the history goes. */
  readonly since: string | null;
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
  /** @param host null: all. */
  hosts(host: string | null): Promise<readonly HostView[]>;
  /** All hosts that registered, or some, with their intervals in seconds: what a schedule needs of them. */
  intervals(only?: readonly string[]): Promise<readonly Pick<HostView, 'host_uuid' | 'interval_s'>[]>;
  /** Of one host, in the order of their names. */
  deckies(host: string): Promise<readonly DeckyRow[]>;
  /** Newest first. @param filter.since ISO 8601 */
  history(filter: HistoryFilter): Promise<{ transitions: readonly Transition[]; gaps: readonly Gap[] }>;
  /** Newest first, a thousand at most. @param since ISO 8601; null: all */
  gaps(host: string, since: string | null): Promise<readonly Gap[]>;
  /** Whether a worker registered the host, or it has rows. */
  knowsHost(host: string): Promise<boolean>;
  /** Some of the hosts that are known, and of others, in the order of their names; and how many there are. */
  someHosts(most: number, others: readonly string[]): Promise<{ names: readonly string[]; count: number }>;
  /** Where a decky of that name is, or was as far as the history goes. */
  hostsOfDecky(name: string): Promise<readonly string[]>;
  /** Whether a role was granted the host. */
  isGranted(host: string): Promise<boolean>;
  /** How many rows a host has, without those that say exactly what one of these deckies says. */
  countRows(host: string, except: readonly Json[]): Promise<number>;
}

export interface HistoryFilter {
  readonly host: string | null;
  readonly decky: string | null;
  readonly since: string | null;
  readonly limit: number;
}
