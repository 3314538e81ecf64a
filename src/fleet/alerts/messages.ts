import type { Alert } from './alert.ts';
import { type Notification, type NotificationKind, notificationOf } from './notification.ts';
import { type AlertOutcome, flapping } from './outcome.ts';

/** An alert about which something is done. */
export interface DueAlert {
  readonly alert: Alert;
  readonly outcome: AlertOutcome;
}

/** Some alerts, and the messages about them. */
export interface MessageGroup {
  readonly alerts: readonly Alert[];
  readonly messages: readonly Notification[];
}

/** What messages need beside the alerts. */
export interface MessageContext {
  /** How many deckies are recorded for the host. */
  readonly deckies: number;
  /** The dashboard's address; null: messages have no link. */
  readonly publicUrl: string | null;
}

/** At least this many, and more than half of the host's, are one message; so are more than `singlesAtMost`. */
const groupFrom = 3;
const singlesAtMost = 20;

const kinds = {
  down: ['decky_down', 'host_down'],
  up: ['decky_recovered', 'host_recovered'],
  removed: ['decky_removed', 'host_cleared'],
  flapping: ['decky_flapping', 'host_flapping'],
} as const satisfies Partial<Record<AlertOutcome, readonly [NotificationKind, NotificationKind]>>;

/**
 * The messages about a host's alerts, in the order in which they are sent: those about the host itself come first, since
 * they explain the others, and are not held back by any number of others.
 * @param due the alerts that need a message
 * @param alerts all alerts of the host
 */
export function messageGroups(
  due: readonly DueAlert[],
  alerts: readonly Alert[],
  context: MessageContext,
): readonly MessageGroup[] {
  const hosts = due.filter(({ alert }) => alert.name === '');
  const deckies = due.filter(({ alert }) => alert.name !== '');
  const wereDown = alerts.filter(({ name, notified }) => name !== '' && notified !== 'running').length;
  const about = (outcome: keyof typeof kinds, among: number): readonly MessageGroup[] =>
    deckyGroups(outcome, withOutcome(deckies, outcome), among, context);
  return [
    ...withOutcome(hosts, 'host').map((alert) => ({
      alerts: [alert],
      messages: hostMessages(alert, context),
    })),
    ...withOutcome(hosts, 'flapping').map((alert) => ({
      alerts: [alert],
      messages: [messageOf('host_flapping', [alert], context)],
    })),
    ...about('down', context.deckies),
    ...about('up', wereDown),
    ...about('removed', wereDown),
    ...about('flapping', context.deckies),
  ];
}

const withOutcome = (due: readonly DueAlert[], outcome: AlertOutcome): readonly Alert[] =>
  due.filter((one) => one.outcome === outcome).map(({ alert }) => alert);

/** @param among of how many deckies these are most, if they are one message */
function deckyGroups(
  outcome: keyof typeof kinds,
  alerts: readonly Alert[],
  among: number,
  context: MessageContext,
): readonly MessageGroup[] {
  const [single, group] = kinds[outcome];
  const areOneMessage =
    (alerts.length >= groupFrom && alerts.length * 2 > among) || alerts.length > singlesAtMost;
  return areOneMessage
    ? [{ alerts, messages: [messageOf(group, alerts, context)] }]
    : alerts.map((alert) => ({ alerts: [alert], messages: [messageOf(single, [alert], context)] }));
}

/** @param alerts at least one; of the host itself, or of its deckies */
function messageOf(
  kind: NotificationKind,
  alerts: readonly Alert[],
  { deckies, publicUrl }: MessageContext,
): Notification {
  const same = <T>(of: (alert: Alert) => T): T | null => {
    const [first, ...more] = new Set(alerts.map(of));
    return first === undefined || more.length > 0 ? null : first;
  };
  const names = alerts.map(({ name }) => name).filter((name) => name !== '');
  return notificationOf(
    {
      kind,
      host: alerts[0]?.host ?? '',
      names,
      state: same(({ state }) => state),
      previous: same(({ notified }) => notified),
      reason: same(({ reason }) => reason),
      service: same(({ cause }) => cause?.service ?? null),
      exitCode: same(({ cause }) => cause?.exitCode ?? null),
      since: alerts.reduce((earliest, { since }) => Math.min(earliest, since), Infinity),
      deckies,
    },
    publicUrl,
  );
}

const faults = [
  { word: 'stale', begins: 'host_stale', ends: 'host_fresh' },
  { word: 'unreachable', begins: 'docker_unreachable', ends: 'docker_back' },
] as const;

/** A message for each fault of a host that began or ended; after flapping for each fault, since the last state sent is unknown. */
function hostMessages(alert: Alert, context: MessageContext): readonly Notification[] {
  const now = new Set(alert.state.split(' '));
  const then = new Set(alert.notified.split(' '));
  return faults
    .filter(({ word }) => alert.notified === flapping || now.has(word) !== then.has(word))
    .map(({ word, begins, ends }) =>
      now.has(word)
        ? // The reason that a host's alert keeps is why Docker does not answer.
          messageOf(begins, [word === 'stale' ? { ...alert, reason: null } : alert], context)
        : messageOf(ends, [{ ...alert, reason: null, since: alert.changedAt }], context),
    );
}

/** @param count how many messages are held back */
export const limitMessage = (
  host: string,
  count: number,
  now: number,
  publicUrl: string | null,
): Notification =>
  notificationOf(
    {
      kind: 'host_limited',
      host,
      names: [],
      heldBack: count,
      state: null,
      previous: null,
      reason: null,
      service: null,
      exitCode: null,
      since: now,
      deckies: 0,
    },
    publicUrl,
  );
