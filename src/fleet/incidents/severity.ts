import type { HostFacts } from './facts.ts';
import { type Affected, type IncidentKind, type Severity, severities } from './incident.ts';

const severityOfKind: Readonly<Record<IncidentKind, Severity>> = {
  database_unreachable: 'critical',
  queues_unreachable: 'critical',
  // Workers enqueue their own passes while no process serves the schedule.
  scheduler_silent: 'warning',
  notifications_undelivered: 'warning',
  // Info if it is recorded who did it, and why.
  queue_paused: 'warning',
  host_stale: 'critical',
  // Somebody asked for it.
  host_stopped: 'info',
  docker_unreachable: 'critical',
  host_flapping: 'warning',
  pass_failing: 'warning',
  host_down: 'critical',
  deployment_failed: 'warning',
  deckies_down: 'warning',
  decky_flapping: 'warning',
};

/** At least this many, and more than half of the host's, are most of it. */
const majorityFrom = 3;
export const isMajority = (count: number, deckies: number): boolean =>
  count >= majorityFrom && count * 2 > deckies;

/** Deckies that are most of a host's are as severe as the host itself. */
export function severityOf(
  kind: IncidentKind,
  affected: readonly Affected[],
  hosts: ReadonlyMap<string, HostFacts>,
): Severity {
  if (kind === 'queue_paused' && affected.every(({ host }) => hosts.get(host ?? '')?.paused != null))
    return 'info';
  if (kind !== 'deckies_down' && kind !== 'deployment_failed') return severityOfKind[kind];
  const byHost = Map.groupBy(affected, ({ host }) => host ?? '');
  return [...byHost].some(([host, some]) => isMajority(some.length, hosts.get(host)?.deckies ?? 0))
    ? 'critical'
    : severityOfKind[kind];
}

/**
 * The severity of a message. It never falls below that of the messages before, so that a receiver that got the beginning also
 * gets the end. @param notified the most severe of the messages so far; undefined: none, or an earlier version sent it
 */
export const notifiedSeverity = (notified: Severity | undefined, now: Severity): Severity =>
  notified !== undefined && severities.indexOf(notified) < severities.indexOf(now) ? notified : now;
