import { Counter, Gauge, Registry } from 'prom-client';
import { changeKinds, eventBounds, type Histogram, passBounds, passResults } from '../fleet/figures.ts';
import { withheldKinds } from '../fleet/heartbeat.ts';
import { incidentKinds, severities } from '../fleet/incidents/incident.ts';
import { fleetStates } from '../fleet/state.ts';
import type { HeartbeatView } from '../views/heartbeat.ts';
import type { IncidentView } from '../views/incidents.ts';
import type { HostFigures } from '../views/metrics.ts';
import type { SilenceView } from '../views/silences.ts';
import type { UndeliveredView } from '../views/undelivered.ts';

/** The data of one answer of `/metrics`. */
export interface Scrape {
  readonly version: string;
  /** Null: the database does not answer. */
  readonly hosts: readonly HostFigures[] | null;
  /** Null: not configured, or the database does not answer. */
  readonly heartbeat?: HeartbeatView | null;
  /** Null: unknown. */
  readonly undelivered?: readonly Pick<UndeliveredView, 'receiver' | 'failed'>[] | null;
  /** The open incidents; null: unknown. */
  readonly incidents?: readonly Pick<IncidentView, 'kind' | 'severity'>[] | null;
  /** The silences that are not over; null: unknown. */
  readonly silences?: readonly Pick<SilenceView, 'active_until'>[] | null;
  /** Undefined: not requested. */
  readonly queues?: {
    readonly up: boolean;
    /** The number of processes that serve the schedule; null: unknown. */
    readonly schedulers: number | null;
  };
}

/** @see Prometheus, "Text-based format" */
export const metricsContentType: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** One gauge for each host. Null: the value is unknown, and the sample is left out. */
interface Level {
  readonly name: string;
  readonly help: string;
  readonly of: (host: HostFigures) => number | null;
}

const undeclaredKinds = ['running', 'leftover'] as const;

const levels: readonly Level[] = [
  {
    name: 'decnet_fleet_last_pass_age_seconds',
    help: "Seconds since the host's last pass, full or partial, by the database's clock.",
    of: ({ lastPassAgeSeconds }) => lastPassAgeSeconds,
  },
  {
    name: 'decnet_fleet_last_full_pass_age_seconds',
    help: "Seconds since the host's last full pass, by the database's clock.",
    of: ({ lastFullPassAgeSeconds }) => lastFullPassAgeSeconds,
  },
  {
    name: 'decnet_fleet_interval_seconds',
    help: 'Seconds between two scheduled passes of the host.',
    of: ({ intervalSeconds }) => intervalSeconds,
  },
  {
    name: 'decnet_fleet_host_stale',
    help: '1 if the last full pass is older than three intervals, or there was none; states are then last known.',
    of: ({ stale }) => Number(stale),
  },
  {
    name: 'decnet_fleet_host_stopped',
    help: '1 if the worker of the host stopped on request and has not started since.',
    of: ({ stopped }) => Number(stopped),
  },
  {
    name: 'decnet_fleet_host_paused',
    help: '1 if somebody paused the passes of the host with decnet-fleet pause, else 0.',
    of: ({ paused }) => Number(paused),
  },
  {
    name: 'decnet_fleet_docker_up',
    help: '1 if Docker answered in the last full pass of the host, else 0.',
    of: ({ dockerUp }) => (dockerUp === null ? null : Number(dockerUp)),
  },
  {
    name: 'decnet_fleet_held_deckies',
    help: 'Rows that the last pass held, that is, kept on purpose.',
    of: ({ held }) => held,
  },
  {
    name: 'decnet_fleet_contested_deckies',
    help: 'Rows that another writer keeps changing back.',
    of: ({ contested }) => contested,
  },
  {
    name: 'decnet_fleet_host_deploying',
    help: '1 if a deployment of deckies of the host is under way, else 0.',
    of: ({ deploying }) => Number(deploying),
  },
  {
    name: 'decnet_fleet_decnet_table_in_sync',
    help: "1 if DECNET's own table of the host is kept as the fleet's, 0 if it cannot be written; absent where it is not configured.",
    of: ({ decnetInSync }) => (decnetInSync === null ? null : Number(decnetInSync)),
  },
  {
    name: 'decnet_fleet_decnet_table_contested',
    help: "1 if another program changes rows of DECNET's own table back again and again; absent where it is not configured.",
    of: ({ decnetContested }) => (decnetContested === null ? null : Number(decnetContested)),
  },
];

/** The text of `/metrics`. Each answer has its own registry, so that a retired host leaves no series. */
export async function metricsText({
  version,
  hosts,
  incidents = null,
  silences = null,
  heartbeat = null,
  undelivered = null,
  queues,
}: Scrape): Promise<string> {
  const registry = new Registry();
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers: [registry] });

  gauge('decnet_fleet_build_info', 'The version of this dashboard, as a label; always 1.', ['version']).set(
    { version },
    1,
  );
  gauge(
    'decnet_fleet_database_up',
    '1 if the database answers, else 0; without it there are no metrics of hosts.',
    [],
  ).set(Number(hosts !== null));
  if (queues !== undefined) {
    gauge('decnet_fleet_queues_up', '1 if the store of the queues answers, else 0.', []).set(
      Number(queues.up),
    );
    if (queues.schedulers !== null) {
      gauge('decnet_fleet_schedulers', 'Number of processes that serve the schedule.', []).set(
        queues.schedulers,
      );
    }
  }
  if (heartbeat !== null) addHeartbeat(registry, heartbeat);
  if (undelivered !== null) countUndelivered(registry, undelivered);
  if (incidents !== null) countIncidents(registry, incidents);
  if (silences !== null) countSilences(registry, silences);
  if (hosts === null) return registry.metrics();

  countPaused(registry, hosts);
  const deckies = gauge('decnet_fleet_deckies', 'Number of recorded deckies by state.', ['host', 'state']);
  const passes = counter('decnet_fleet_passes_total', 'Number of recorded passes by result.', [
    'host',
    'result',
  ]);
  const changes = counter('decnet_fleet_changes_total', 'Number of changes written by passes, by kind.', [
    'host',
    'kind',
  ]);
  const undeclared = gauge(
    'decnet_fleet_undeclared_deckies',
    'Deckies whose containers run although neither the file nor the table has them; leftover: nobody reaches a service of it.',
    ['host', 'kind'],
  );
  for (const { host, states, figures, undeclared: found } of hosts) {
    for (const kind of undeclaredKinds) undeclared.set({ host, kind }, found[kind]);
    // Include zeros: `increase` does not count the first failure of a series that begins with it.
    for (const state of fleetStates) deckies.set({ host, state }, states[state] ?? 0);
    for (const result of passResults) passes.inc({ host, result }, figures.passes[result].count);
    for (const kind of changeKinds) changes.inc({ host, kind }, figures.changes[kind]);
  }
  for (const { name, help, of } of levels) {
    const level = gauge(name, help, ['host']);
    for (const one of hosts) {
      const value = of(one);
      if (value !== null) level.set({ host: one.host }, value);
    }
  }
  return `${await registry.metrics()}\n${[durations(hosts), latencies(hosts)].map(histogramText).join('\n')}`;
}

function countUndelivered(registry: Registry, receivers: NonNullable<Scrape['undelivered']>): void {
  const failed = new Gauge({
    name: 'decnet_fleet_notifications_undelivered',
    help: 'Number of notifications that were sent to a receiver and did not arrive; they are sent again for a day.',
    labelNames: ['receiver'],
    registers: [registry],
  });
  for (const one of receivers) failed.set({ receiver: one.receiver }, one.failed);
}

function countPaused(registry: Registry, hosts: readonly HostFigures[]): void {
  new Gauge({
    name: 'decnet_fleet_hosts_paused',
    help: 'Number of hosts whose passes somebody paused with decnet-fleet pause.',
    registers: [registry],
  }).set(hosts.filter(({ paused }) => paused).length);
}

function addHeartbeat(registry: Registry, { sentAgeSeconds, why: now }: HeartbeatView): void {
  if (sentAgeSeconds !== null)
    new Gauge({
      name: 'decnet_fleet_heartbeat_age_seconds',
      help: 'Seconds since the last heartbeat was sent to DECNET_HEARTBEAT_URL.',
      registers: [registry],
    }).set(sentAgeSeconds);
  const withheld = new Gauge({
    name: 'decnet_fleet_heartbeat_withheld',
    help: '1 for the reason for which no heartbeat is sent to DECNET_HEARTBEAT_URL now, else 0.',
    labelNames: ['why'],
    registers: [registry],
  });
  for (const why of withheldKinds) withheld.set({ why }, Number(now === why));
}

/** Zeros are included: a series that begins with 1 has no moment at which it rose. */
function countIncidents(registry: Registry, open: readonly Pick<IncidentView, 'kind' | 'severity'>[]): void {
  const gauge = new Gauge({
    name: 'decnet_fleet_incidents',
    help: 'Number of open incidents by severity and kind.',
    labelNames: ['severity', 'kind'],
    registers: [registry],
  });
  for (const kind of incidentKinds)
    for (const severity of severities)
      gauge.set(
        { severity, kind },
        open.filter((one) => one.kind === kind && one.severity === severity).length,
      );
}

function countSilences(registry: Registry, silences: readonly Pick<SilenceView, 'active_until'>[]): void {
  const active = silences.filter(({ active_until: until }) => until !== null);
  new Gauge({
    name: 'decnet_fleet_silences',
    help: 'Number of silences that are active now.',
    registers: [registry],
  }).set(active.length);
}

export interface HistogramFamily {
  readonly name: string;
  readonly help: string;
  readonly bounds: readonly number[];
  readonly samples: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly histogram: Histogram;
  }[];
}

const durations = (hosts: readonly HostFigures[]): HistogramFamily => ({
  name: 'decnet_fleet_pass_duration_seconds',
  help: 'Duration of passes, from the start of the observation until the record was written.',
  bounds: passBounds,
  // Leave out results without passes: most hosts have one of the three, and a fleet has thousands of hosts.
  samples: hosts.flatMap(({ host, figures }) =>
    passResults.flatMap((result) => {
      const histogram = figures.passes[result];
      return histogram.count === 0 ? [] : [{ labels: { host, result }, histogram }];
    }),
  ),
});

const latencies = (hosts: readonly HostFigures[]): HistogramFamily => ({
  name: 'decnet_fleet_event_latency_seconds',
  help: 'Time from the enqueuing of a pass for a Docker event or a change of the state file until the changed row was written.',
  bounds: eventBounds,
  samples: hosts.map(({ host, figures }) => ({ labels: { host }, histogram: figures.eventLatency })),
});

/**
 * A histogram in Prometheus's text format. prom-client's own histogram accepts only single observations, not counts that
 * were collected elsewhere.
 */
export function histogramText({ name, help, bounds, samples }: HistogramFamily): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const { labels, histogram } of samples) {
    const own = Object.entries(labels)
      .map(([label, value]) => `${label}="${escaped(value)}"`)
      .join(',');
    for (const [at, bound] of bounds.entries()) {
      lines.push(`${name}_bucket{${own},le="${bound}"} ${histogram.buckets[at] ?? 0}`);
    }
    lines.push(`${name}_bucket{${own},le="+Inf"} ${histogram.count}`);
    lines.push(`${name}_sum{${own}} ${histogram.sum}`);
    lines.push(`${name}_count{${own}} ${histogram.count}`);
  }
  return `${lines.join('\n')}\n`;
}

const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
