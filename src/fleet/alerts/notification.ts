import type { JsonObject } from '../../lib/json.ts';
import { fleetStates } from '../state.ts';

/**
 * What a receiver is notified of. Kinds of `decky_` are about one decky, those of `host_` about most of a host's
 * deckies at once or about the host itself.
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
  /** How many deckies it is about; of `host_limited` how many messages were held back. */
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
  /** All of it in one line, for people. */
  readonly text: string;
}

/** What a message is made of. Times are epoch milliseconds. */
export interface NotificationFacts {
  readonly kind: NotificationKind;
  readonly host: string;
  readonly names: readonly string[];
  /** Messages that wait until the host's minute is over. */
  readonly heldBack?: number;
  readonly state: string | null;
  readonly previous: string | null;
  readonly reason: string | null;
  /** The service whose container is at fault, and its exit code. */
  readonly service: string | null;
  readonly exitCode: number | null;
  readonly since: number;
  /** How many deckies are recorded for the host. */
  readonly deckies: number;
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
    count: facts.heldBack ?? facts.names.length,
    state: knownWord(facts.state),
    previous_state: knownWord(facts.previous),
    reason,
    service: isAboutContainers ? serviceName(facts.service) : null,
    exit_code: isAboutContainers ? facts.exitCode : null,
    since,
    link: publicUrl === null ? null : linkTo(publicUrl, facts.host, name),
    text: oneLine(sentences[facts.kind]({ ...facts, reason, since })),
  };
}

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
const because = ({ reason }: TextFacts): string => (reason === null ? '' : `: ${reason}`);
const flaps = 'keeps changing; silent until it was quiet for 5 min';

function several(facts: TextFacts, does: string): string {
  const { names, host, deckies } = facts;
  const rest = names.length - namesInText;
  const list = names.slice(0, namesInText).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
  const of = deckies >= names.length ? ` of ${deckies}` : '';
  return `${names.length}${of} deckies on host ${host} ${does}${because(facts)}: ${list}`;
}

const sentences: Readonly<Record<NotificationKind, (facts: TextFacts) => string>> = {
  decky_down: (facts) => `${one(facts)} is ${facts.state}${before(facts)}${because(facts)}`,
  decky_recovered: (facts) => `${one(facts)} runs again${before(facts)}`,
  decky_removed: (facts) => `${one(facts)} is removed${before(facts)}${because(facts)}`,
  decky_flapping: (facts) => `${one(facts)} ${flaps}; now ${facts.state}${because(facts)}`,
  host_down: (facts) => several(facts, `are ${facts.state ?? 'down'}`),
  host_recovered: (facts) => several({ ...facts, reason: null }, 'run again'),
  host_cleared: (facts) => several(facts, 'are removed'),
  host_flapping: (facts) =>
    facts.names.length > 0
      ? several({ ...facts, reason: null }, 'keep changing; silent until they were quiet for 5 min')
      : `Host ${facts.host} ${flaps}; now ${facts.state}`,
  host_stale: ({ host, since }) => `Host ${host} is stale: no full pass since ${since}`,
  host_fresh: ({ host }) => `Host ${host} is being monitored again`,
  docker_unreachable: ({ host, since }) => `Docker on host ${host} does not answer; it last did at ${since}`,
  docker_back: ({ host }) => `Docker on host ${host} answers again`,
  host_limited: ({ host, heldBack = 0 }) =>
    `Too many messages about host ${host} within a minute: ${heldBack} more are held back until it is over`,
};

/** Kinds with a service and an exit code. A worker that was taken over may write them for any state. */
const kindsAboutContainers: ReadonlySet<NotificationKind> = new Set([
  'decky_down',
  'decky_flapping',
  'host_down',
  'host_flapping',
]);

/** Null where the text is not the name of a service. @see docs/schemas/notification.schema.json */
const serviceName = (service: string | null): string | null =>
  service !== null && /^(?!\s)[^:;\p{C}\p{Zl}\p{Zp}]{1,128}(?<!\s)$/u.test(service) ? service : null;

function linkTo(publicUrl: string, host: string, name: string | null): string {
  const base = publicUrl.replace(/[?#].*$/s, '').replace(/\/+$/, '');
  const place = encodeURIComponent(host);
  return name === null ? `${base}/hosts/${place}` : `${base}/deckies/${place}/${encodeURIComponent(name)}`;
}

/** A row may hold anything: what breaks a line, or turns the direction of writing, does not reach a reader's screen. */
const oneLine = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim();
