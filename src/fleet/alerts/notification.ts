import { ageOf } from '../../lib/age.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { IncidentKind, NextStep, Severity } from '../incidents/incident.ts';
import type { BrokenDeployment, EndedBy } from '../plan/cause.ts';
import { fleetStates } from '../state.ts';
import { countOf as counted, withEnd, withExitCodes } from '../words.ts';

/**
 * What a receiver is notified of. Kinds of `decky_` are about one decky, those of `host_` about most of a host's
 * deckies at once or about the host itself; `deployment_failed` is about those that a deployment left down. Those of
 * `incident_` are about several hosts, or about the control plane. `silence_ended` sums up what was not sent. `test` is about nothing: somebody tries the receivers.
 */
export const notificationKinds = [
  'decky_down',
  'decky_recovered',
  'decky_removed',
  'decky_flapping',
  'host_down',
  'host_recovered',
  'host_cleared',
  'host_flapping',
  'host_stale',
  'host_fresh',
  'docker_unreachable',
  'docker_back',
  'host_limited',
  'deployment_failed',
  'incident_opened',
  'incident_grown',
  'incident_resolved',
  'silence_ended',
  'test',
] as const;

export type NotificationKind = (typeof notificationKinds)[number];

/** The body of a message, without its id. @see docs/schemas/notification.schema.json */
export interface Notification extends JsonObject {
  readonly kind: NotificationKind;
  readonly host_uuid: string;
  /** Null: it is about the host, or about several deckies. */
  readonly name: string | null;
  /** Of several deckies the first ones, at most `namesAtMost`. */
  readonly names: readonly string[];
  /** How many deckies it is about; of `host_limited` how many messages were held back; of `silence_ended`
   * how many incidents were not sent. */
  readonly count: number;
  /** Null where several deckies differ, as in the next fields. */
  readonly state: string | null;
  /** The state of the notification before. */
  readonly previous_state: string | null;
  readonly reason: string | null;
  readonly service: string | null;
  readonly exit_code: number | null;
  /** ISO 8601; of several the earliest. */
  readonly since: string;
  readonly link: string | null;
  /** Null: the message is about messages. */
  readonly incident: JsonObject | null;
  /** All of it in one line, for people. */
  readonly text: string;
}

/** Why deckies are as they are. */
export interface ReasonFacts {
  readonly reason: string | null;
  /** The service whose container is at fault, its exit code, and who ended it. */
  readonly service: string | null;
  readonly exitCode: number | null;
  readonly endedBy: EndedBy | null;
  readonly deployment: BrokenDeployment | null;
}

export const noReason: ReasonFacts = {
  reason: null,
  service: null,
  exitCode: null,
  endedBy: null,
  deployment: null,
};

/** The incident that a message is about. */
export interface IncidentFacts {
  readonly id: string;
  readonly kind: IncidentKind;
  readonly severity: Severity;
  readonly event: 'opened' | 'grown' | 'resolved';
  readonly cause: string;
  readonly next: NextStep;
  readonly since: number;
  readonly hosts: number;
  readonly deckies: number;
  readonly hostNames: readonly string[];
  /** Milliseconds; null: it is open. */
  readonly durationMs: number | null;
}

/** What a message is made of. Times are epoch milliseconds. */
export interface NotificationFacts extends ReasonFacts {
  readonly kind: NotificationKind;
  readonly host: string;
  readonly names: readonly string[];
  /** Messages that wait until the host's minute is over. */
  readonly heldBack?: number;
  /** How many deckies it is about, if more than `names`. */
  readonly count?: number;
  readonly state: string | null;
  readonly previous: string | null;
  readonly since: number;
  /** How many deckies are recorded for the host. */
  readonly deckies: number;
  readonly incident: IncidentFacts | null;
  /** Whether it tells that more is affected than before. */
  readonly isGrown?: boolean;
  /** The text of `silence_ended`. */
  readonly summary?: string;
}

const namesAtMost = 100;
const namesInText = 5;
/** Characters. */
const reasonAtMost = 500;

/** @param publicUrl the dashboard's address; null: no links */
export function notificationOf(facts: NotificationFacts, publicUrl: string | null): Notification {
  const aboutDecky = facts.kind.startsWith('decky_');
  const name = aboutDecky ? (facts.names[0] ?? null) : null;
  const reason = facts.reason === null ? null : oneLine(facts.reason).slice(0, reasonAtMost);
  const isAboutContainers = kindsAboutContainers.has(facts.kind) && facts.names.length > 0;
  const since = new Date(facts.since).toISOString();
  return {
    kind: facts.kind,
    host_uuid: facts.host,
    name,
    names: aboutDecky ? [] : facts.names.slice(0, namesAtMost),
    count: countedOf(facts),
    state: knownWord(facts.state),
    previous_state: knownWord(facts.previous),
    reason,
    service: isAboutContainers ? serviceName(facts.service) : null,
    exit_code: isAboutContainers ? facts.exitCode : null,
    since,
    link: publicUrl === null ? null : linkTo(publicUrl, facts.host, name),
    incident: facts.incident && incidentJson(facts.incident),
    text: oneLine(sentences[facts.kind]({ ...facts, reason, since })),
  };
}

const countedOf = ({ heldBack, count, names }: NotificationFacts): number =>
  heldBack ?? count ?? names.length;

/** An incident, as messages contain it. */
export const incidentJson = (incident: IncidentFacts): JsonObject => ({
  id: incident.id,
  kind: incident.kind,
  severity: incident.severity,
  event: incident.event,
  cause: oneLine(incident.cause).slice(0, reasonAtMost),
  hosts: incident.hosts,
  deckies: incident.deckies,
  host_names: incident.hostNames.slice(0, namesAtMost),
  since: new Date(incident.since).toISOString(),
  duration_s: incident.durationMs === null ? null : Math.round(incident.durationMs / 1000),
  next: { host: incident.next.host, command: incident.next.command },
});

/** The states of a decky's or a host's alert. A worker that was taken over may write any other text, which is no state. */
const words: ReadonlySet<string> = new Set([
  ...fleetStates,
  ...['removed', 'flapping', 'ok', 'stale', 'unreachable', 'stale unreachable'],
]);
const knownWord = (word: string | null): string | null => (word !== null && words.has(word) ? word : null);

/** What the text of a message is made of. */
interface TextFacts extends Omit<NotificationFacts, 'since'> {
  readonly since: string;
}

const one = ({ names, host }: TextFacts): string => `${names[0]} on host ${host}`;
const before = ({ previous }: TextFacts): string => (previous === null ? '' : ` (was ${previous})`);
const because = ({ reason, endedBy }: TextFacts): string =>
  reason === null
    ? endedBy === 'engine'
      ? ': Docker was stopped or restarted'
      : ''
    : `: ${endedBy === null ? withExitCodes(reason) : withEnd(reason, endedBy)}`;
const lasted = ({ incident }: TextFacts): string =>
  incident === null || incident.durationMs === null ? '' : ` after ${ageOf(incident.durationMs)}`;
const flaps = 'keeps changing; silent until it was quiet for 5 min';

const several = (facts: TextFacts, does: string): string =>
  `${facts.isGrown === true ? 'Now ' : ''}${countOf(facts)} deckies on host ${facts.host} ${does}${because(facts)}: ${listOf(facts)}`;

function countOf(facts: TextFacts): string {
  const count = countedOf({ ...facts, since: 0 });
  return facts.deckies >= count ? `${count} of ${facts.deckies}` : String(count);
}

function listOf(facts: TextFacts): string {
  const { names } = facts;
  const rest = countedOf({ ...facts, since: 0 }) - namesInText;
  return names.slice(0, namesInText).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function brokenDeployment(facts: TextFacts): string {
  const { host, deployment, names } = facts;
  const ended = deployment?.outcome === 'unfinished' ? 'did not finish' : 'failed';
  const of = deployment === null ? '' : ` of ${deployment.of}`;
  const down = `${countOf(facts)} deckies ${names.length === 1 ? 'is' : 'are'} down`;
  return `The deployment${of} on host ${host} ${ended}: ${down}${because(facts)}: ${listOf(facts)}`;
}

/** `Docker does not answer: 50 hosts with 500 deckies: a, b, c, d, e and 45 more`. */
function aboutIncident(facts: TextFacts): string {
  const { incident, names, host } = facts;
  if (incident === null) return '';
  const begin = { opened: '', grown: 'Now more: ', resolved: `Resolved${lasted(facts)}: ` }[incident.event];
  const { hosts, deckies } = incident;
  if (hosts === 0) return `${begin}${incident.cause}`;
  const where = hosts === 1 && host !== '' ? `host ${host}` : counted(hosts, 'host');
  const list =
    names.length === 0
      ? ''
      : `: ${listOf({ ...facts, count: Math.max(names.length, isOfHosts(facts) ? hosts : deckies) })}`;
  return `${begin}${incident.cause}: ${where} with ${counted(deckies, 'decky')}${list}`;
}
const isOfHosts = ({ names }: TextFacts): boolean => names[0]?.includes('/') !== true;

const sentences: Readonly<Record<NotificationKind, (facts: TextFacts) => string>> = {
  decky_down: (facts) => `${one(facts)} is ${facts.state}${before(facts)}${because(facts)}`,
  decky_recovered: (facts) => `${one(facts)} runs again${before(facts)}${lasted(facts)}`,
  decky_removed: (facts) => `${one(facts)} is removed${before(facts)}${lasted(facts)}`,
  decky_flapping: (facts) => `${one(facts)} ${flaps}; now ${facts.state}${because(facts)}`,
  host_down: (facts) => several(facts, `are ${facts.state ?? 'down'}`),
  host_recovered: (facts) => several({ ...facts, reason: null }, `run again${lasted(facts)}`),
  host_cleared: (facts) => several(facts, `are removed${lasted(facts)}`),
  host_flapping: (facts) =>
    facts.names.length > 0
      ? several(
          { ...facts, reason: null, endedBy: null },
          'keep changing; silent until they were quiet for 5 min',
        )
      : `Host ${facts.host} ${flaps}; now ${facts.state}`,
  // A reason means that somebody asked for it.
  host_stale: ({ host, since, reason }) =>
    reason === null
      ? `Host ${host} is stale: no full pass since ${since}`
      : `Host ${host} is not monitored: ${reason}`,
  host_fresh: (facts) => `Host ${facts.host} is being monitored again${lasted(facts)}`,
  docker_unreachable: ({ host, since }) => `Docker on host ${host} does not answer; it last did at ${since}`,
  docker_back: (facts) => `Docker on host ${facts.host} answers again${lasted(facts)}`,
  host_limited: ({ host, heldBack = 0 }) =>
    `Too many messages about host ${host} within a minute: ${heldBack} more are held back until it is over`,
  deployment_failed: brokenDeployment,
  incident_opened: aboutIncident,
  incident_grown: aboutIncident,
  incident_resolved: aboutIncident,
  silence_ended: ({ summary = '' }) => summary,
  test: () => 'Test of decnet-fleet: this receiver gets its notifications',
};

/** Kinds with a service and an exit code. A worker that was taken over may write them for any state. */
export const kindsAboutContainers: ReadonlySet<NotificationKind> = new Set([
  'decky_down',
  'decky_flapping',
  'host_down',
  'host_flapping',
  'deployment_failed',
]);

/** Null where the text is not the name of a service. @see docs/schemas/notification.schema.json */
const serviceName = (service: string | null): string | null =>
  service !== null && /^(?!\s)[^:;\p{C}\p{Zl}\p{Zp}]{1,128}(?<!\s)$/u.test(service) ? service : null;

function linkTo(publicUrl: string, host: string, name: string | null): string {
  const base = publicUrl.replace(/[?#].*$/s, '').replace(/\/+$/, '');
  if (host === '') return `${base}/`;
  const location = encodeURIComponent(host);
  return name === null
    ? `${base}/hosts/${location}`
    : `${base}/deckies/${location}/${encodeURIComponent(name)}`;
}

/** A row may hold anything: what breaks a line, or turns the direction of writing, does not reach a reader's screen. */
const oneLine = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim();
