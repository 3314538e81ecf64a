import { type Alert, type DeckySubject, flapping, type HostSubject, isNotified, removed } from './alert.ts';
import { type DueAlert, limitMessage, type MessageGroup, messageGroups } from './messages.ts';
import type { Notification } from './notification.ts';
import { type AlertOutcome, outcomeOf } from './outcome.ts';

/** What is known when it is decided which messages are sent. */
export interface AlertFacts {
  /** Of the database's clock, epoch milliseconds. */
  readonly now: number;
  /** All alerts of the hosts that may need a message. */
  readonly alerts: readonly Alert[];
  /** How many deckies are recorded for each host. */
  readonly deckies: ReadonlyMap<string, number>;
  /**
   * How many messages about a host were sent in its current minute, and whether one said that more are held back. A host
   * without messages has no entry.
   */
  readonly sent: ReadonlyMap<string, SentMessages>;
}

export interface SentMessages {
  readonly sent: number;
  readonly limited: boolean;
}

export interface Decision {
  readonly notifications: readonly Notification[];
  readonly notified: readonly NotifiedAlert[];
  /** Of the hosts about which something is sent or held back. */
  readonly limits: readonly Limit[];
}

/** How many messages about a host go out in its current minute, and how many are held back until it is over. */
export interface Limit {
  readonly host: string;
  readonly sent: number;
  readonly heldBack: number;
}

/** What the row of an alert takes once its state was notified, or noted without a message. */
export interface NotifiedAlert {
  readonly host: string;
  readonly subject:
    | (Pick<DeckySubject, 'kind' | 'name'> & {
        /** Null: the row is deleted. */
        readonly notified: string | null;
      })
    | Pick<HostSubject, 'kind' | 'notified'>;
  /** Whether the changes that the row remembers are cleared. */
  readonly clearsChanges: boolean;
}

/** Milliseconds without another change after which a host's messages are sent, so that one cause is one message … */
export const settleAfterMs = 2000;
/** … and after which they are sent although more changes keep coming. */
export const settleWithinMs = 10_000;

/**
 * Messages about one host within a minute. Its worker writes its alerts: one that was taken over could otherwise send
 * any number, whatever counts as flapping.
 */
export const messagesAtMost = 20;

/** Milliseconds after which a change is too old for a receiver that is set later. */
export const oldAfterMs = 10 * 60 * 1000;

/** Decides which messages are sent now, about each host whose changes have settled. */
export function decide(facts: AlertFacts, publicUrl: string | null): Decision {
  const byHost = Map.groupBy(facts.alerts, ({ host }) => host);
  const decisions = [...byHost].map(([host, alerts]) => decideHost(host, alerts, facts, publicUrl));
  return {
    notifications: decisions.flatMap(({ notifications }) => notifications),
    notified: decisions.flatMap(({ notified }) => notified),
    limits: decisions.flatMap(({ limits }) => limits),
  };
}

const nothing: Decision = { notifications: [], notified: [], limits: [] };

/** @param alerts all of this host */
function decideHost(
  host: string,
  alerts: readonly Alert[],
  { now, deckies, sent: sentTo }: AlertFacts,
  publicUrl: string | null,
): Decision {
  const due = alerts
    .map((alert): DueAlert => ({ alert, outcome: outcomeOf(alert, now) }))
    .filter(({ outcome }) => outcome !== 'none');
  if (due.length === 0 || !haveSettled(due, now)) return nothing;
  const { sent, limited } = sentTo.get(host) ?? { sent: 0, limited: false };
  const groups = messageGroups(due, alerts, { deckies: deckies.get(host) ?? 0, publicUrl });
  const { going, heldBack } = withinLimit(groups, messagesAtMost - sent);
  const messages = going.flatMap((group) => group.messages);
  const waiting = new Set(heldBack.flatMap((group) => group.alerts));
  const aboutLimit =
    heldBack.length > 0 && !limited ? [limitMessage(host, heldBack.length, now, publicUrl)] : [];
  return {
    notifications: [...messages, ...aboutLimit],
    // What is held back stays due, and is decided again when the minute is over.
    notified: due
      .filter(({ alert }) => !waiting.has(alert))
      .map(({ alert, outcome }) => notifiedAlert(alert, outcome)),
    limits:
      messages.length + heldBack.length > 0
        ? [{ host, sent: sent + messages.length, heldBack: heldBack.length }]
        : [],
  };
}

function haveSettled(due: readonly DueAlert[], now: number): boolean {
  const times = due.map(({ alert }) => alert.changedAt);
  const newest = times.reduce((a, b) => Math.max(a, b), -Infinity);
  const oldest = times.reduce((a, b) => Math.min(a, b), Infinity);
  return now - newest >= settleAfterMs || now - oldest >= settleWithinMs;
}

/** The groups that still have room, in their order, and the others. */
function withinLimit(
  groups: readonly MessageGroup[],
  room: number,
): { going: readonly MessageGroup[]; heldBack: readonly MessageGroup[] } {
  let left = room;
  const going: MessageGroup[] = [];
  const heldBack: MessageGroup[] = [];
  for (const group of groups) {
    left -= group.messages.length;
    (left >= 0 ? going : heldBack).push(group);
  }
  return { going, heldBack };
}

function notifiedAlert({ host, subject }: Alert, outcome: AlertOutcome): NotifiedAlert {
  // The changes that made it flapping would make it so again.
  const clearsChanges = subject.notified === flapping;
  if (subject.kind === 'host') {
    const notified = outcome === 'flapping' ? flapping : subject.faults;
    return { host, subject: { kind: 'host', notified }, clearsChanges };
  }
  const { name, state } = subject;
  const notified = outcome === 'flapping' ? flapping : state === removed ? null : state;
  return { host, subject: { kind: 'decky', name, notified }, clearsChanges };
}

/** Without a receiver: old changes count as notified, so that a receiver that is set later is not sent them. */
export const suppress = ({ now, alerts }: AlertFacts): Decision => ({
  ...nothing,
  notified: alerts
    .filter((alert) => !isNotified(alert) && now - alert.changedAt >= oldAfterMs)
    .map((alert) => ({ ...notifiedAlert(alert, 'unannounced'), clearsChanges: true })),
});
