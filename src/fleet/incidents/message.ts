import {
  type Notification,
  type NotificationKind,
  noReason,
  notificationOf,
} from '../alerts/notification.ts';
import { shared, sharedReason } from '../alerts/shared-reason.ts';
import { type DeckyFacts, isLeaving } from './decky-facts.ts';
import { type AffectedName, type Closed, namesAtMost } from './follow.ts';
import { type Affected, type Incident, type IncidentKind, isAboutDeckies } from './incident.ts';

/** What messages need beside the incident. */
export interface MessageContext {
  readonly now: number;
  /** How many deckies are recorded for a host. */
  readonly deckiesOf: ReadonlyMap<string, number>;
  /** The dashboard's address; null: messages have no link. */
  readonly publicUrl: string | null;
}

/** The kinds of messages about a host itself, and the state that they report. */
const ofHost = {
  host_stale: { opened: 'host_stale', resolved: 'host_fresh', state: 'stale' },
  host_stopped: { opened: 'host_stale', resolved: 'host_fresh', state: 'stale' },
  docker_unreachable: { opened: 'docker_unreachable', resolved: 'docker_back', state: 'unreachable' },
  host_flapping: { opened: 'host_flapping', resolved: 'host_fresh', state: null },
} as const satisfies Partial<
  Record<IncidentKind, { opened: NotificationKind; resolved: NotificationKind; state: string | null }>
>;
const hostWords = (kind: IncidentKind) => (kind in ofHost ? ofHost[kind as keyof typeof ofHost] : null);

/** The only host that something is about; null: there are several, or it is a part of the control plane. */
const onlyHost = (affected: readonly AffectedName[]): string | null => {
  const hosts = new Set(affected.map(({ host }) => host));
  return hosts.size === 1 ? ([...hosts][0] ?? null) : null;
};

/** The message that an incident was opened, or that it affects more than the last message said. */
export function openMessage(
  incident: Incident,
  event: 'opened' | 'grown',
  { deckiesOf, publicUrl }: MessageContext,
): Notification {
  const { kind, since } = incident;
  const affected = stillDown(incident.affected);
  const host = onlyHost(affected.map(nameOf));
  const deckies = affected.flatMap(({ decky }) => decky ?? []);
  const words = hostWords(kind);
  const facts = {
    ...noReason,
    names: host === null ? longNames(affected.map(nameOf)) : deckies.map(({ name }) => name),
    host: host ?? '',
    state: shared(deckies, ({ state }) => state),
    previous: shared(deckies, ({ previous }) => previous),
    since,
    deckies: host === null ? 0 : (deckiesOf.get(host) ?? 0),
    isGrown: event === 'grown',
    incident: { ...incident, event, hostNames: hostsOf(affected.map(nameOf)), durationMs: null },
  };
  if (host === null) return notificationOf({ ...facts, kind: `incident_${event}` }, publicUrl);
  if (words !== null) {
    const reason =
      kind === 'host_stopped'
        ? incident.cause.replace(/^The worker was /, '')
        : (affected[0]?.reason ?? null);
    return notificationOf(
      { ...facts, kind: words.opened, names: [], reason, state: words.state, previous: words.state && 'ok' },
      publicUrl,
    );
  }
  if (!isAboutDeckies(kind))
    return notificationOf({ ...facts, kind: `incident_${event}`, names: [] }, publicUrl);
  return notificationOf({ ...facts, ...sharedReason(deckies), kind: kindOf(kind, deckies) }, publicUrl);
}

/** Without what is no longer down. */
function stillDown(affected: readonly Affected[]): readonly Affected[] {
  const some = affected.filter(({ decky }) => !isLeaving(decky));
  return some.length === 0 ? affected : some;
}

function kindOf(kind: IncidentKind, deckies: readonly DeckyFacts[]): NotificationKind {
  if (kind === 'deployment_failed') return kind;
  const isOne = deckies.length === 1;
  if (kind === 'decky_flapping') return isOne ? 'decky_flapping' : 'host_flapping';
  return isOne ? 'decky_down' : 'host_down';
}

/** The message that an incident is resolved, with its duration. @param at when it was */
export function resolvedMessage(
  { before, resolution }: Closed,
  at: number,
  { deckiesOf, publicUrl }: MessageContext,
): Notification {
  const { kind, ever: affected, most } = before;
  const host = onlyHost(affected);
  const words = hostWords(kind);
  const isRemoved = resolution === 'removed';
  const extent = { hosts: most.hosts, deckies: most.deckies };
  const facts = {
    ...noReason,
    names: host === null ? longNames(affected) : affected.flatMap(({ name }) => name ?? []),
    host: host ?? '',
    state: isRemoved ? 'removed' : 'running',
    previous: shared(affected, ({ state }) => state),
    since: at,
    deckies: host === null ? 0 : (deckiesOf.get(host) ?? 0),
    incident: {
      ...before,
      ...extent,
      severity: before.notified?.severity ?? before.severity,
      event: 'resolved' as const,
      hostNames: hostsOf(affected),
      durationMs: Math.max(0, at - before.since),
    },
  };
  const isDecky = isAboutDeckies(kind);
  if (host === null || (words === null && !isDecky))
    return notificationOf({ ...facts, kind: 'incident_resolved', state: null, previous: null }, publicUrl);
  if (words !== null)
    return notificationOf(
      { ...facts, kind: words.resolved, names: [], state: 'ok', previous: words.state ?? 'flapping' },
      publicUrl,
    );
  const isOne = affected.length === 1;
  const ended = isRemoved
    ? isOne
      ? 'decky_removed'
      : 'host_cleared'
    : isOne
      ? 'decky_recovered'
      : 'host_recovered';
  const previous = kind === 'decky_flapping' ? 'flapping' : facts.previous;
  return notificationOf(
    {
      ...facts,
      kind: ended,
      previous,
      count: affected.length < namesAtMost ? affected.length : most.deckies,
    },
    publicUrl,
  );
}

const nameOf = ({ host, name, decky }: Affected): AffectedName => ({
  host,
  name,
  state: decky?.state ?? null,
});

const hostsOf = (affected: readonly AffectedName[]): readonly string[] => [
  ...new Set(affected.flatMap(({ host }) => host ?? [])),
];

/** `web on host a` of deckies on several hosts, and the names of hosts. */
const longNames = (affected: readonly AffectedName[]): readonly string[] =>
  affected.flatMap(({ host, name }) => (host === null ? [] : name === null ? [host] : [`${host}/${name}`]));
