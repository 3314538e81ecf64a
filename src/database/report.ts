import { isObject, type Json } from '../fleet/json.ts';
import type { FleetState } from '../fleet/state.ts';
import type { Query } from './orm.ts';

/** One host as `hosts` and `status` tell it. Times are ISO 8601. */
export interface HostView {
  readonly host_uuid: string;
  /** Its last full pass is older than three intervals, or there was none: its states are last known ones. */
  readonly stale: boolean;
  readonly interval_s: number;
  readonly first_seen_at: string;
  readonly last_pass_at: string | null;
  readonly last_full_pass_at: string | null;
  readonly last_observed_at: string | null;
  readonly docker: 'ok' | 'unreachable' | 'unknown';
  readonly last_error: string | null;
  readonly version: string | null;
  readonly counts: Json;
  /** How many deckies are recorded in each state. */
  readonly states: Readonly<Partial<Record<FleetState, number>>>;
  readonly held: readonly NoteView[];
  readonly left: readonly NoteView[];
  readonly contested: readonly NoteView[];
}

export interface NoteView {
  readonly name: string;
  readonly reason: string;
  readonly since: string;
}

/** One row of `fleet_deckies`. */
export interface DeckyRowView {
  readonly name: string;
  readonly ip: string | null;
  readonly services: Json;
  readonly state: FleetState;
  readonly last_error: string | null;
  /** When it came to this state, as far as the history goes. */
  readonly since: string | null;
  readonly updated_at: string;
}

export interface TransitionView {
  readonly id: number;
  readonly host_uuid: string;
  readonly name: string;
  readonly from_state: string | null;
  readonly to_state: string | null;
  readonly reason: string;
  readonly at: string;
  readonly job_id: string | null;
}

export interface GapView {
  readonly host_uuid: string;
  readonly from_at: string;
  readonly to_at: string;
}

export interface Report {
  /** @param host null: all. */
  hosts(host: string | null): Promise<readonly HostView[]>;
  /** All hosts with their intervals in seconds: what a schedule needs of them. */
  intervals(): Promise<readonly Pick<HostView, 'host_uuid' | 'interval_s'>[]>;
  /** Of one host, in the order of their names. */
  deckies(host: string): Promise<readonly DeckyRowView[]>;
  /** Newest first. @param filter.since ISO 8601 */
  history(
    filter: HistoryFilter,
  ): Promise<{ transitions: readonly TransitionView[]; gaps: readonly GapView[] }>;
  /** Newest first, a thousand at most. @param since ISO 8601; null: all */
  gaps(host: string, since: string | null): Promise<readonly GapView[]>;
  /** How many rows a host has, without those that say exactly what one of these deckies says. */
  countRows(host: string, except: readonly Json[]): Promise<number>;
}

export interface HistoryFilter {
  readonly host: string | null;
  readonly decky: string | null;
  readonly since: string | null;
  readonly limit: number;
}

/** What `status`, `hosts` and `history` read. @param defaultInterval seconds, of hosts that never had a worker */
export function report(query: Query, defaultInterval: number): Report {
  return {
    hosts: async (host) => (await query<HostRow>(selectHosts, [host, defaultInterval])).map(hostView),
    intervals: () =>
      query('select host_uuid, coalesce(interval_s, $1::int) as interval_s from fleet_hosts', [
        defaultInterval,
      ]),
    deckies: (host) => query<DeckyRowView>(selectDeckies, [host]),
    history: async ({ host, decky, since, limit }) => ({
      transitions: await query<TransitionView>(selectTransitions, [host, decky, since, limit]),
      gaps: decky === null ? await query<GapView>(selectGaps, [host, since, limit]) : [],
    }),
    gaps: (host, since) => query<GapView>(selectGaps, [host, since, 1000]),
    countRows: async (host, except) => {
      const [row] = await query<{ count: number }>(
        `select count(*)::int as count from fleet_deckies where host_uuid = $1
         and not exists (select from jsonb_array_elements($2::jsonb) e where e = decky_config)`,
        [host, JSON.stringify(except)],
      );
      return row?.count ?? 0;
    },
  };
}

export const iso = (column: string): string =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ${column.replace(/^\w+\./, '')}`;

interface HostRow extends Omit<HostView, 'docker' | 'held' | 'left' | 'contested'> {
  readonly observed: boolean | null;
  readonly notes: Json;
}

const selectHosts = `select h.host_uuid, coalesce(h.interval_s, $2::int) as interval_s,
    coalesce(h.last_full_pass_at
      < clock_timestamp() - make_interval(secs => 3 * coalesce(h.interval_s, $2::int)::float8), true) as stale,
    h.last_observed_at >= h.last_full_pass_at as observed,
    ${['first_seen_at', 'last_pass_at', 'last_full_pass_at', 'last_observed_at'].map((at) => iso(`h.${at}`)).join(', ')},
    h.last_error, h.version, h.counts, h.notes,
    (select coalesce(jsonb_object_agg(state, n), '{}') from
      (select state, count(*) as n from fleet_deckies d where d.host_uuid = h.host_uuid group by state) s) as states
  from fleet_hosts h where $1::text is null or h.host_uuid = $1 order by h.host_uuid`;

function hostView({ observed, notes, ...row }: HostRow): HostView {
  const noted = (kind: string): readonly NoteView[] => {
    const found = isObject(notes) ? notes[kind] : null;
    return isObject(found)
      ? Object.entries(found).flatMap(([name, note]) =>
          isObject(note) ? [{ name, reason: String(note.reason), since: String(note.since) }] : [],
        )
      : [];
  };
  return {
    ...row,
    docker: row.last_full_pass_at === null ? 'unknown' : observed === true ? 'ok' : 'unreachable',
    held: noted('held'),
    left: noted('left'),
    contested: noted('contested'),
  };
}

const selectDeckies = `select d.name, d.decky_ip as ip, d.services, d.state, d.last_error,
    ${iso('t.since')}, ${iso('d.updated_at')}
  from fleet_deckies d left join lateral (
    select at as since from fleet_transitions t
    where t.host_uuid = d.host_uuid and t.name = d.name and t.from_state is distinct from t.to_state
    order by id desc limit 1) t on true
  where d.host_uuid = $1 order by d.name`;

const selectTransitions = `select id::int8::float8 as id, host_uuid, name, from_state, to_state, reason,
    ${iso('at')}, job_id
  from fleet_transitions
  where ($1::text is null or host_uuid = $1) and ($2::text is null or name = $2)
    and ($3::timestamptz is null or at >= $3::timestamptz)
  order by id desc limit $4`;

const selectGaps = `select host_uuid, ${iso('from_at')}, ${iso('to_at')} from fleet_gaps
  where ($1::text is null or host_uuid = $1) and ($2::timestamptz is null or to_at >= $2::timestamptz)
  order by to_at desc limit $3`;
