import type { DecnetFact } from '../../fleet/decnet-table/fact.ts';
import { dockerCommand } from '../../fleet/docker-command.ts';
import { listOf } from '../../fleet/plan/rollout.ts';
import { isObject, type Json, textsOf } from '../../lib/json.ts';
import { printableDeep } from '../../lib/text.ts';
import type { DeckyRow, DecnetTableView, Deploying, HostView, KeptRow, Report } from '../../views/report.ts';
import { leftReason, memoryFromJson } from '../memory.ts';
import { isoPause } from '../pauses.ts';
import type { Query } from '../query.ts';
import {
  dockerAnswered,
  intervalSeconds,
  iso,
  isStale,
  readableDeploying,
  readableMemory,
  readableServices,
  shortReason,
} from '../sql.ts';
import { history } from './history.ts';
import { incidents } from './incidents.ts';
import { knownHosts } from './known-hosts.ts';
import { silences } from './silences.ts';

/**
 * The queries of `status`, `hosts` and `history`.
 * @param defaultIntervalSeconds the interval of hosts without their own
 * @param named hosts that are known even if no worker has registered them
 */
export function report(ask: Query, defaultIntervalSeconds: number, named: readonly string[] = []): Report {
  const query = forPeople(ask);
  return {
    hosts: async (host) =>
      (await query<HostRow>(selectHosts, [host, defaultIntervalSeconds, named])).map(hostView),
    intervals: (only) =>
      query(
        `select host_uuid, ${intervalSeconds('$1::int')} as interval_s from fleet_hosts h
         where $2::text[] is null or host_uuid = any ($2::text[])`,
        [defaultIntervalSeconds, only ?? null],
      ),
    deckies: (host) => query<DeckyRow>(selectDeckies, [host]),
    ...history(query),
    incidents: incidents(query),
    silences: silences(query),
    knowsHost: async (host) =>
      (
        await query(
          `select from fleet_hosts where host_uuid = $1
           union all select from fleet_deckies where host_uuid = $1 limit 1`,
          [host],
        )
      ).length > 0,
    someHosts: async (max, others) => {
      const found = await query<{ host_uuid: string; count: number }>(
        `select host_uuid, count(*) over ()::int as count from (select host_uuid from fleet_hosts
         union select host_uuid from fleet_deckies union select unnest($2::text[])) h
         order by host_uuid limit $1`,
        [max, others],
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

/** Replaces unprintable characters in rows, which any host's worker may have written. */
export const forPeople =
  (query: Query): Query =>
  async <R>(statement: string, values?: readonly unknown[]) =>
    (await query<R>(statement, values)).map(printableDeep);

type FromMemory =
  | 'held'
  | 'left'
  | 'contested'
  | 'undeclared'
  | 'deploying'
  | 'ports_unchecked'
  | 'decnet_table';
interface HostRow extends Omit<HostView, FromMemory | 'docker' | 'stopped'> {
  readonly docker_up: boolean | null;
  readonly memory: Json;
  readonly deploying: Json;
  readonly stopped_at: string | null;
  readonly stopped_by: string | null;
}

/** Only masters write it, and limits are constraints. */
const pausedView = `case when h.paused_at is not null then json_build_object('by', h.paused_by, 'why', h.paused_why,
    'since', ${isoPause('h.paused_at')}, 'until', ${isoPause('h.paused_until')}) end as paused`;

const selectHosts = `select host_uuid, ${intervalSeconds('$2::int')} as interval_s,
    coalesce(${isStale('$2::int')}, true) as stale, ${dockerAnswered} as docker_up,
    ${['first_seen_at', 'last_pass_at', 'last_full_pass_at', 'last_observed_at', 'stopped_at'].map((at) => iso(`h.${at}`)).join(', ')},
    ${shortReason('h.last_error')}, ${shortReason('h.stopped_by')}, ${pausedView}, h.version, h.counts, ${readableMemory} as memory, ${readableDeploying} as deploying, coalesce(s.states, '{}') as states
  from ${knownHosts('$1::text', '$3::text[]')} order by host_uuid`;

function hostView(found: HostRow): HostView {
  const { docker_up: dockerUp, memory, deploying, stopped_at: at, stopped_by: by, ...row } = found;
  const { held, left, contested, undeclared, portsUnchecked, decnet } = memoryFromJson(memory);
  const views = (kept: ReadonlyMap<string, { reason: string; since: number }>): readonly KeptRow[] =>
    [...kept].map(([name, { reason, since }]) => ({ name, reason, since: isoOf(since) }));
  return {
    ...row,
    stopped: at === null ? null : { by, at },
    counts: isObject(row.counts) ? row.counts : null,
    docker: dockerUp === null ? 'unknown' : dockerUp ? 'ok' : 'unreachable',
    held: views(held),
    left: [...left].map(([name, { since }]) => ({ name, reason: leftReason, since: isoOf(since) })),
    contested: views(contested),
    undeclared: [...undeclared].map(([name, { kind, containers, since }]) => ({
      name,
      kind,
      containers,
      since: isoOf(since),
      remove: dockerCommand('rm -f', containers),
    })),
    deploying: deployingOf(deploying),
    decnet_table: decnet === null ? null : decnetView(decnet),
    ports_unchecked: row.last_full_pass_at === null ? null : portsUnchecked,
  };
}

const decnetView = ({ syncedAt, failingSince, reason, rival }: DecnetFact): DecnetTableView => ({
  synced_at: syncedAt === null ? null : isoOf(syncedAt),
  failing_since: failingSince === null ? null : isoOf(failingSince),
  reason,
  rival,
});

const isoOf = (at: number): string => new Date(at).toISOString();

/** @param json of `readableDeploying` */
function deployingOf(json: Json): Deploying | null {
  if (!isObject(json)) return null;
  const { of, names, count, since } = json;
  const at = typeof since === 'string' ? Date.parse(since) || 0 : 0;
  const what = typeof of === 'string' ? of : listOf(textsOf(names), Number(count ?? 0));
  return { of: what, since: isoOf(at) };
}

/** More deckies than any host has; a compromised worker may have written any number. */
const deckiesRead = 200_000;

const selectDeckies = `select d.name, d.decky_ip as ip, ${readableServices('d')} as services, d.state, ${shortReason('d.last_error')},
    ${iso('t.since')}, ${iso('d.last_seen')}, ${iso('d.updated_at')}
  from fleet_deckies d left join lateral (
    select at as since from fleet_transitions t
    where t.host_uuid = d.host_uuid and t.name = d.name and t.from_state is distinct from t.to_state
    order by id desc limit 1) t on true
  where d.host_uuid = $1 order by d.name limit ${deckiesRead}`;
