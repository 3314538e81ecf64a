import { returnsWithinMs } from '../pause.ts';
import type { ControlFacts, FleetFacts, HostFacts } from './facts.ts';
import type { Gathered, Nature } from './gathered.ts';
import { type IncidentKind, incidentId } from './incident.ts';
import { sentences } from './words.ts';

/** Milliseconds beside the interval by which the last passes of hosts differ that were lost at one moment. */
const togetherMs = 10_000;
/** Milliseconds in which hosts make their first pass after the queues answer again, beside three intervals. */
const backWithinMs = 30_000;

/** @returns the incident of each host with a fault */
export function hostRules(
  { now, control, hosts }: FleetFacts,
  gathered: Gathered,
): ReadonlyMap<string, string> {
  const under = new Map<string, string>();
  // Those that belong to an open incident come first: the others may join them.
  const sorted = hosts.toSorted(
    (a, b) =>
      Number(isKept(b, gathered)) - Number(isKept(a, gathered)) ||
      sinceOf(a) - sinceOf(b) ||
      (a.host < b.host ? -1 : 1),
  );
  for (const host of sorted) {
    const id = incidentOfHost(host, control, gathered, now);
    if (id !== null) under.set(host.host, id);
  }
  return under;
}

const sinceOf = ({ staleSince, unreachableSince }: HostFacts): number => staleSince ?? unreachableSince ?? 0;

/** Whether its fault is still the one of the open incident that it belongs to. */
function isKept(host: HostFacts, gathered: Gathered): boolean {
  const kind = gathered.open(host.under)?.kind;
  return (
    (kind === 'host_stale' && host.staleSince !== null && host.stopped === null) ||
    (kind === 'docker_unreachable' && host.staleSince === null && host.unreachableSince !== null)
  );
}

/** The first rule that holds wins: it explains those after it. */
function incidentOfHost(
  host: HostFacts,
  control: ControlFacts,
  gathered: Gathered,
  now: number,
): string | null {
  const { flappingSince, staleSince, unreachableSince, failing } = host;
  const pausedSince = control.paused.get(host.host) ?? null;
  const add = (id: string, nature: Nature, since: number): string =>
    gathered.add(id, nature, { host: host.host, name: null, since });
  if (host.paused !== null) {
    const { by, why, until, since } = host.paused;
    // The words of an open incident stay: with other terms it would be another incident.
    const id = incidentId('queue_paused', host.host, by, why, until);
    return add(id, { kind: 'queue_paused', ...sentences.host_paused(host.paused, host.host) }, since);
  }
  // The record of a pause ends before the queue is resumed.
  const isReturning = host.resumedAt !== null && now - host.resumedAt < returnsWithinMs;
  if (pausedSince !== null && !isReturning)
    return add(
      incidentId('queue_paused'),
      { kind: 'queue_paused', ...sentences.queue_paused(host.host) },
      pausedSince,
    );
  if (flappingSince !== null) {
    const kind = 'host_flapping';
    return add(incidentId(kind, host.host), { kind, ...sentences[kind](host.host) }, flappingSince);
  }
  if (staleSince !== null) return incidentOfStale(host, staleSince, { control, gathered, now });
  if (unreachableSince !== null) return joined('docker_unreachable', host, unreachableSince, gathered);
  if (failing !== null) {
    const kind = 'pass_failing';
    return add(
      incidentId(kind, failing.reason),
      { kind, ...sentences[kind](failing.reason, host.host) },
      failing.since,
    );
  }
  return null;
}

function incidentOfStale(
  host: HostFacts,
  since: number,
  { control, gathered, now }: { control: ControlFacts; gathered: Gathered; now: number },
): string {
  const affected = { host: host.host, name: null, since };
  // A worker that has started again is no longer recorded as stopped, and has to make its first pass.
  const open = gathered.open(host.under);
  if (open?.kind === 'host_stopped' && host.stopped === null)
    return gathered.add(open.id, open, affected, host);
  if (host.stopped !== null) {
    const kind = 'host_stopped';
    return gathered.add(
      incidentId(kind, host.host),
      { kind, ...sentences[kind](host.stopped, host.host) },
      affected,
      host,
    );
  }
  const queues = incidentId('queues_unreachable');
  if (!isKept(host, gathered) && isOfQueues(host, control, gathered, now)) {
    const kind = 'queues_unreachable';
    return gathered.add(queues, { kind, ...sentences[kind](control.queuesLocation) }, affected, host);
  }
  return joined('host_stale', host, since, gathered);
}

/** Whether the store of the queues explains that a host makes no pass: it was lost, and the host had no time yet to return. */
function isOfQueues(
  { under, intervalMs }: HostFacts,
  { queuesLostAt, queuesBackAt }: ControlFacts,
  gathered: Gathered,
  now: number,
): boolean {
  if (queuesLostAt !== null) return true;
  if (gathered.open(under)?.kind !== 'queues_unreachable') return false;
  return queuesBackAt !== null && now - queuesBackAt < 3 * intervalMs + backWithinMs;
}

/** Hosts that were lost at one moment are one incident: the moments differ by at most an interval. */
function joined(
  kind: IncidentKind & ('host_stale' | 'docker_unreachable'),
  host: HostFacts,
  since: number,
  gathered: Gathered,
): string {
  const reason = kind === 'docker_unreachable' ? host.dockerReason : null;
  const affected = { host: host.host, name: null, since, reason };
  const nature = { kind, ...sentences[kind](host.host) };
  if (isKept(host, gathered) && host.under !== null) return gathered.add(host.under, nature, affected, host);
  const near = gathered
    .ofKind(kind)
    .find(([, some]) => some.some((one) => Math.abs(one.since - since) <= host.intervalMs + togetherMs));
  return gathered.add(near?.[0] ?? incidentId(kind, Math.floor(since)), nature, affected, host);
}
