import { type Alert, type DeckyAlert, flapping, type HostAlert, hostState, isAboutDecky } from './alert.ts';
import { type Notification, type NotificationKind, notificationOf } from './notification.ts';
import type { AlertOutcome } from './outcome.ts';

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
  const wereDown = alerts.filter((it) => isAboutDecky(it) && it.subject.notified !== 'running').length;
  const about = (outcome: keyof typeof kinds, among: number): readonly MessageGroup[] => {
    const found = due.filter((one) => one.outcome === outcome).map(({ alert }) => alert);
    return deckyGroups(outcome, found.filter(isAboutDecky), among, context);
  };
  return [
    ...due.flatMap(({ alert, outcome }) =>
      isAboutDecky(alert) ? [] : [{ alerts: [alert], messages: hostMessages(alert, outcome, context) }],
    ),
    ...about('down', context.deckies),
    ...about('up', wereDown),
    ...about('removed', wereDown),
    ...about('flapping', context.deckies),
  ];
}

/** @param among of how many deckies these are most, if they are one message */
function deckyGroups(
  outcome: keyof typeof kinds,
  alerts: readonly DeckyAlert[],
  among: number,
  context: MessageContext,
): readonly MessageGroup[] {
  const [single, group] = kinds[outcome];
  const areOneMessage =
    (alerts.length >= groupFrom && alerts.length * 2 > among) || alerts.length > singlesAtMost;
  return areOneMessage
    ? [{ alerts, messages: [deckyMessage(group, alerts, context)] }]
    : alerts.map((alert) => ({ alerts: [alert], messages: [deckyMessage(single, [alert], context)] }));
}

/** @param alerts at least one, of one host */
function deckyMessage(
  kind: NotificationKind,
  alerts: readonly DeckyAlert[],
  { deckies, publicUrl }: MessageContext,
): Notification {
  const same = <T>(of: (alert: DeckyAlert) => T): T | null => {
    const [first, ...more] = new Set(alerts.map(of));
    return first === undefined || more.length > 0 ? null : first;
  };
  return notificationOf(
    {
      kind,
      host: alerts[0]?.host ?? '',
      names: alerts.map(({ subject }) => subject.name),
      state: same(({ subject }) => subject.state),
      previous: same(({ subject }) => subject.notified),
      reason: same(({ reason }) => reason),
      service: same(({ subject }) => subject.cause?.service ?? null),
      exitCode: same(({ subject }) => subject.cause?.exitCode ?? null),
      since: alerts.reduce((earliest, { since }) => Math.min(earliest, since), Infinity),
      deckies,
    },
    publicUrl,
  );
}

const kindsOfFaults = [
  { fault: 'stale', begins: 'host_stale', ends: 'host_fresh' },
  { fault: 'unreachable', begins: 'docker_unreachable', ends: 'docker_back' },
] as const;

/** A message for each fault that began or ended; after flapping for each fault, since the last state sent is unknown. */
function hostMessages(
  alert: HostAlert,
  outcome: AlertOutcome,
  context: MessageContext,
): readonly Notification[] {
  const { faults, notified } = alert.subject;
  if (outcome === 'flapping') return [hostMessage('host_flapping', alert, context)];
  return kindsOfFaults
    .filter(({ fault }) => notified === flapping || faults.has(fault) !== notified.has(fault))
    .map(({ fault, begins, ends }) =>
      faults.has(fault)
        ? // The reason that a host's alert keeps is why Docker does not answer.
          hostMessage(begins, fault === 'stale' ? { ...alert, reason: null } : alert, context)
        : hostMessage(ends, { ...alert, reason: null, since: alert.changedAt }, context),
    );
}

const hostMessage = (
  kind: NotificationKind,
  { host, subject, reason, since }: HostAlert,
  { deckies, publicUrl }: MessageContext,
): Notification =>
  notificationOf(
    {
      kind,
      host,
      names: [],
      state: hostState(subject.faults),
      previous: subject.notified === flapping ? flapping : hostState(subject.notified),
      reason,
      service: null,
      exitCode: null,
      since,
      deckies,
    },
    publicUrl,
  );

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
