import { figuresFromJson } from '../../fleet/figures.ts';
import type { Json } from '../../lib/json.ts';
import type { HostFigures, MetricsSource } from '../../views/metrics.ts';
import { heartbeatView } from '../heartbeat.ts';
import type { Query } from '../query.ts';
import {
  bounded,
  countEntries,
  decnetContested,
  decnetInSync,
  dockerAnswered,
  intervalSeconds,
  isStale,
  readableDeploying,
} from '../sql.ts';
import { knownHosts } from './known-hosts.ts';

/**
 * Reads the data of `/metrics` with one statement for all hosts.
 * @param defaultIntervalSeconds the interval of hosts without their own
 * @param named hosts that are known even if no worker has registered them
 */
export const metricsSource = (
  query: Query,
  defaultIntervalSeconds: number,
  named: readonly string[] = [],
): MetricsSource => ({
  heartbeat: () => heartbeatView(query),
  hosts: async () => (await query<Row>(selectHosts, [defaultIntervalSeconds, named])).map(hostFigures),
});

interface Row {
  readonly host: string;
  readonly interval_s: number;
  readonly last_pass_age: number | null;
  readonly last_full_pass_age: number | null;
  readonly stale: boolean;
  readonly stopped: boolean;
  readonly paused: boolean;
  readonly docker_up: boolean | null;
  readonly states: HostFigures['states'] | null;
  readonly held: number;
  readonly contested: number;
  readonly undeclared: number;
  readonly leftover: number;
  readonly deploying: boolean;
  readonly decnet_in_sync: boolean | null;
  readonly decnet_contested: boolean | null;
  readonly figures: Json;
}

const age = (column: string): string => `extract(epoch from clock_timestamp() - ${bounded(column)})`;

const selectHosts = `select host_uuid as host, ${intervalSeconds('$1::int')} as interval_s,
    coalesce(${isStale('$1::int')}, true) as stale, h.stopped_at is not null as stopped, h.paused_at is not null as paused,
    case when h.last_pass_at is not null then ${age('h.last_pass_at')} end::float8 as last_pass_age,
    case when h.last_full_pass_at is not null then ${age('h.last_full_pass_at')} end::float8 as last_full_pass_age,
    ${dockerAnswered} as docker_up,
    s.states, ${countEntries('held')} as held, ${countEntries('contested')} as contested,
    ${countEntries('undeclared', `value ->> 'kind' is distinct from 'leftover'`)} as undeclared,
    ${countEntries('undeclared', `value ->> 'kind' = 'leftover'`)} as leftover, ${readableDeploying} is not null as deploying,
    ${decnetInSync} as decnet_in_sync, ${decnetContested} as decnet_contested, h.figures
  from ${knownHosts('null::text', '$2::text[]')} order by host_uuid`;

function hostFigures(row: Row): HostFigures {
  return {
    host: row.host,
    intervalSeconds: row.interval_s,
    lastPassAgeSeconds: row.last_pass_age,
    lastFullPassAgeSeconds: row.last_full_pass_age,
    stale: row.stale,
    stopped: row.stopped,
    paused: row.paused,
    dockerUp: row.docker_up,
    states: row.states ?? {},
    held: row.held,
    contested: row.contested,
    undeclared: { running: row.undeclared, leftover: row.leftover },
    deploying: row.deploying,
    decnetInSync: row.decnet_in_sync,
    decnetContested: row.decnet_contested,
    figures: figuresFromJson(row.figures),
  };
}
