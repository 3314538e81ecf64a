import { isObject, type Json } from '../fleet/json.ts';
import type { FleetState } from '../fleet/state.ts';
import { printableDeep } from '../fleet/text.ts';
import { knownHosts } from './known-hosts.ts';
import { leftReason, notesFromJson } from './notes.ts';
import type { Query } from './query.ts';
import { intervalSeconds, iso, isStale } from './sql.ts';

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
  /** All hosts that registered, or some, with their intervals in seconds: what a schedule needs of them. */
  intervals(only?: readonly string[]): Promise<readonly Pick<HostView, 'host_uuid' | 'interval_s'>[]>;
  /** Of one host, in the order of their names. */
  deckies(host: string): Promise<readonly DeckyRowView[]>;
  /** Newest first. @param filter.since ISO 8601 */
  history(
    filter: HistoryFilter,
  ): Promise<{ transitions: readonly TransitionView[]; gaps: readonly GapView[] }>;
  /** Newest first, a thousand at most. @param since ISO 8601; null: all */
  gaps(host: string, since: string | null): Promise<readonly GapView[]>;
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

/**
 * What `status`, `hosts` and `history` read.
 * @param defaultInterval seconds, of hosts that never had a worker
 * @param named hosts that are known though none of them registered
 */
export function report(ask: Query, defaultInterval: number, named: readonly string[] = []): Report {
  const query = forPeople(ask);
  return {
    hosts: async (host) => (await query<HostRow>(selectHosts, [host, defaultInterval, named])).map(hostView),
    intervals: (only) =>
      query(
        `select host_uuid, ${intervalSeconds('$1::int')} as interval_s from fleet_hosts h
         where $2::text[] is null or host_uuid = any ($2::text[])`,
        [defaultInterval, only ?? null],
      ),
    deckies: (host) => query<DeckyRowView>(selectDeckies, [host]),
    history: async ({ host, decky, since, limit }) => ({
      transitions: await query<TransitionView>(selectTransitions, [host, decky, since, limit]),
      gaps: decky === null ? await query<GapView>(selectGaps, [host, since, limit]) : [],
    }),
    gaps: (host, since) => query<GapView>(selectGaps, [host, since, 1000]),
    knowsHost: async (host) =>
      (
        await query(
          `select from fleet_hosts where host_uuid = $1
           union all select from fleet_deckies where host_uuid = $1 limit 1`,
          [host],
        )
      ).length > 0,
    someHosts: async (most, others) => {
      const found = await query<{ host_uuid: string; count: number }>(
        `select host_uuid, count(*) over ()::int as count from (select host_uuid from fleet_hosts
         union select host_uuid from fleet_deckies union select unnest($2::text[])) h
         order by host_uuid limit $1`,
        [most, others],
      );
      return { names: found.map(({ host_uuid }) => host_uuid), count: found[0]?.count ?? 0 };
    },
    hostsOfDecky: async (name) =>
      (
        await query<{ host_uuid: string }>(
          `select host_uuid from fleet_deckies where name = $1
           union select host_uuid from fleet_transitions where name = $1 order by host_uuid`,
          [name],
        )
      ).map(({ host_uuid }) => host_uuid),
    isGranted: async (host) =>
      (await query('select from fleet_grants where host_uuid = $1 limit 1', [host])).length > 0,
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

/** Rows as people may read them: any host's worker may have written its own. */
export const forPeople =
  (query: Query): Query =>
  async <R>(statement: string, values?: readonly unknown[]) =>
    (await query<R>(statement, values)).map(printableDeep);

interface HostRow extends Omit<HostView, 'docker' | 'held' | 'left' | 'contested'> {
  readonly observed: boolean | null;
  readonly notes: Json;
}

const selectHosts = `select host_uuid, ${intervalSeconds('$2::int')} as interval_s,
    coalesce(${isStale('$2::int')}, true) as stale, h.last_observed_at >= h.last_full_pass_at as observed,
    ${['first_seen_at', 'last_pass_at', 'last_full_pass_at', 'last_observed_at'].map((at) => iso(`h.${at}`)).join(', ')},
    h.last_error, h.version, h.counts, h.notes, coalesce(s.states, '{}') as states
  from ${knownHosts('$1::text', '$3::text[]')} order by host_uuid`;

function hostView({ observed, notes, ...row }: HostRow): HostView {
  const { held, left, contested } = notesFromJson(notes);
  const views = (found: ReadonlyMap<string, { reason: string; since: number }>): readonly NoteView[] =>
    [...found].map(([name, { reason, since }]) => ({ name, reason, since: new Date(since).toISOString() }));
  return {
    ...row,
    counts: isObject(row.counts) ? row.counts : null,
    docker: row.last_full_pass_at === null ? 'unknown' : observed === true ? 'ok' : 'unreachable',
    held: views(held),
    left: [...left].map(([name, { since }]) => ({
      name,
      reason: leftReason,
      since: new Date(since).toISOString(),
    })),
    contested: views(contested),
  };
}

/** More than any host has: a worker that was taken over may have written any number. */
const deckiesRead = 200_000;

const selectDeckies = `select d.name, d.decky_ip as ip, d.services, d.state, d.last_error,
    ${iso('t.since')}, ${iso('d.updated_at')}
  from fleet_deckies d left join lateral (
    select at as since from fleet_transitions t
    where t.host_uuid = d.host_uuid and t.name = d.name and t.from_state is distinct from t.to_state
    order by id desc limit 1) t on true
  where d.host_uuid = $1 order by d.name limit ${deckiesRead}`;

const selectTransitions = `select id::int8::float8 as id, host_uuid, name, from_state, to_state, reason,
    ${iso('at')}, job_id
  from fleet_transitions
  where ($1::text is null or host_uuid = $1) and ($2::text is null or name = $2)
    and ($3::timestamptz is null or at >= $3::timestamptz) and at <= now()
  order by at desc, id desc limit $4`;

const selectGaps = `select host_uuid, ${iso('from_at')}, ${iso('to_at')} from fleet_gaps
  where ($1::text is null or host_uuid = $1) and ($2::timestamptz is null or to_at >= $2::timestamptz)
    and to_at <= now()
  order by to_at desc limit $3`;
