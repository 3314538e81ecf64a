import type { SentMessages } from '../alerts/limit.ts';
import { limitMessage, withinLimit } from '../alerts/limit.ts';
import type { Notification } from '../alerts/notification.ts';
import { type ActiveSilence, isAbout } from '../silences/cover.ts';
import { evaluateSilences, type SilenceEvaluation, type StoredSilence } from '../silences/evaluate.ts';
import { neverSilenced, type Quiet, quietOf } from '../silences/quiet.ts';
import { type SilencedIncident, summaryMessage } from '../silences/summary.ts';
import { isLeaving, runsAgain } from './decky-facts.ts';
import { isGrowthDue, isOpeningDue, isRiseDue } from './due.ts';
import type { FleetFacts } from './facts.ts';
import {
  type Closed,
  type Ended,
  type Extent,
  extentOf,
  follow,
  larger,
  namesOf,
  type StoredIncident,
  withNames,
} from './follow.ts';
import type { Incident } from './incident.ts';
import { openMessage, resolvedMessage } from './message.ts';
import { type Evaluation, evaluate } from './rules.ts';
import { notifiedSeverity } from './severity.ts';

/** The facts that decide which incidents are open, and which messages are sent about them. */
export interface JudgedFacts extends FleetFacts {
  /** The open incidents, and the ends that no message was sent about yet. */
  readonly stored: readonly StoredIncident[];
  readonly unsentEnds: readonly (Closed & { readonly position: number; readonly at: number })[];
  readonly ended: readonly Ended[];
  readonly silences: readonly StoredSilence[];
  /** What has ended and was not sent for a silence. */
  readonly silencedEnds: readonly SilencedIncident[];
  /** How many messages about a host were sent in its current minute. */
  readonly sent: ReadonlyMap<string, SentMessages>;
}

/** How messages are made; null: there is no receiver, and nothing is sent. */
export type MessageOptions = { readonly publicUrl: string | null } | null;

/** What is written of an incident that is open. */
export interface OpenState extends Quiet {
  readonly now: Incident;
  readonly most: Extent;
  readonly ever: StoredIncident['ever'];
  readonly notified: StoredIncident['notified'];
  readonly acknowledged: StoredIncident['acknowledged'];
}

export interface Judgement {
  readonly evaluation: Evaluation;
  readonly opened: readonly OpenState[];
  readonly kept: readonly OpenState[];
  /** `isNotified`: no message about its end is left to send. */
  readonly closed: readonly (Closed & { readonly isNotified: boolean })[];
  /** The ids of the open incidents that a message is sent about now, with all that they affect. */
  readonly notified: readonly string[];
  /** The ends that a message is sent about now, of `unsentEnds`. */
  readonly sentEnds: readonly number[];
  /** Since when silences are active, where that has changed. */
  readonly silences: SilenceEvaluation['changes'];
  readonly notifications: readonly Notification[];
  readonly limits: readonly { readonly host: string; readonly sent: number; readonly heldBack: number }[];
}

/** Decides which incidents are open now, and which messages are sent about them. */
export function judge(facts: JudgedFacts, options: MessageOptions): Judgement {
  const { now, stored } = facts;
  const evaluation = evaluate(facts);
  const { opened, kept, closed } = follow(stored, facts, evaluation, facts.ended);
  const silences = evaluateSilences(facts.silences, now, options !== null);
  const open = [
    ...opened.map((one) => ({ now: one, before: null })),
    // Some facts do not know since when they hold.
    ...kept.map(({ now: one, before }) => ({
      now: { ...one, since: Math.min(one.since, before.since) },
      before,
    })),
  ].map((one): Open => ({ ...one, quiet: quietOf(one.now, one.before, silences.active, now) }));
  const due =
    options === null
      ? []
      : dueMessages(facts, { open, closed, active: silences.active, publicUrl: options.publicUrl });
  const limited = withinLimits(due, facts, options?.publicUrl ?? null);
  const going = new Set(limited.going);
  const isSent = (of: unknown): boolean => due.some((one) => one.of === of && going.has(one));
  const states = open.map(({ now: one, before, quiet }): OpenState => {
    const extent = extentOf(one);
    const acknowledged = before?.acknowledged ?? null;
    return {
      ...quiet,
      now: one,
      most: before === null ? extent : larger(before.most, extent),
      ever: withNames(before?.ever ?? [], namesOf(one.affected)),
      notified: isSent(one)
        ? { ...extent, at: now, severity: notifiedSeverity(before?.notified?.severity, one.severity) }
        : smaller(before?.notified ?? null, extent),
      acknowledged: acknowledged && isSent(one) ? { ...acknowledged, severity: one.severity } : acknowledged,
    };
  });
  return {
    evaluation,
    opened: states.slice(0, opened.length),
    kept: states.slice(opened.length),
    closed: closed.map((one) => ({ ...one, isNotified: isSilent(one) || isSent(one) })),
    notified: open.filter(({ now: one }) => isSent(one)).map(({ now: one }) => one.id),
    sentEnds: facts.unsentEnds.filter(isSent).map(({ position }) => position),
    silences: silences.changes,
    notifications: [
      ...(options === null
        ? []
        : summaries(silences, facts, { states, closed, publicUrl: options.publicUrl })),
      ...limited.going.map(({ message }) => message),
      ...limited.about,
    ],
    limits: limited.limits,
  };
}

/** An incident that is open, and what the table has of it; null: it is new. */
interface Open {
  readonly now: Incident;
  readonly before: StoredIncident | null;
  readonly quiet: Quiet;
}

/** What the silences that are over have kept from being sent. */
function summaries(
  { over }: SilenceEvaluation,
  { now, silencedEnds, stored }: JudgedFacts,
  {
    states,
    closed,
    publicUrl,
  }: { states: readonly OpenState[]; closed: readonly Closed[]; publicUrl: string | null },
): readonly Notification[] {
  const openedAt = new Map(stored.map((one) => [one.id, one.openedAt]));
  const all: readonly SilencedIncident[] = [
    ...states.map((one) => ({
      ...one.now,
      silencedEver: one.silencedEver,
      // A message that is sent now is sent because the silence is over.
      notified: one.notified?.at === now ? null : one.notified,
      openedAt: openedAt.get(one.now.id) ?? now,
      closedAt: null,
      resolution: null,
    })),
    ...closed.map(({ before, resolution }) => ({ ...before, closedAt: now, resolution })),
    ...silencedEnds,
  ];
  return over.flatMap((one) => summaryMessage(one, all, publicUrl) ?? []);
}

/** A message, and the incident that it is about. */
interface Due {
  readonly of: unknown;
  /** The only host that it is about; empty: it is about several, or about none. */
  readonly host: string;
  readonly message: Notification;
}

/** No message is sent about the end of what another incident covered, nor of what no message was sent about. */
const isSilent = ({ before, resolution }: Closed): boolean =>
  resolution === 'covered' ||
  (before.notified === null && (before.kind !== 'notifications_undelivered' || before.silencedBy !== null));

function dueMessages(
  { now, hosts, unsentEnds }: JudgedFacts,
  {
    open,
    closed,
    active,
    publicUrl,
  }: {
    open: readonly Open[];
    closed: readonly Closed[];
    active: readonly ActiveSilence[];
    publicUrl: string | null;
  },
): readonly Due[] {
  const isLate = hosts.some((one) => one.isLate);
  const deckiesOf = new Map(hosts.map((one) => [one.host, one.deckies]));
  const made = (of: unknown, message: Notification): Due => ({ of, host: message.host_uuid, message });
  const ends = [
    ...unsentEnds,
    ...closed.filter((one) => !isSilent(one)).map((one) => ({ ...one, at: now, source: one })),
  ];
  return [
    ...ends.map((one) =>
      made('source' in one ? one.source : one, resolvedMessage(one, one.at, { deckiesOf, publicUrl, now })),
    ),
    ...open.flatMap(({ now: one, before, quiet }) => {
      const state = { ...(before ?? newlyStored(one, now)), ...quiet };
      const isGrown = (): boolean =>
        state.acknowledged === null
          ? isGrowthDue(state, grownExtent(one, active), now)
          : isRiseDue(state, one.severity, now);
      const event = isOpeningDue(state, isLate, now) ? 'opened' : isGrown() ? 'grown' : null;
      if (event === null || quiet.silencedBy !== null || isOver(one)) return [];
      const severity = notifiedSeverity(state.notified?.severity, one.severity);
      return [made(one, openMessage({ ...one, severity }, event, { deckiesOf, publicUrl, now }))];
    }),
  ];
}

/** Whether all of it runs again, which only has to settle: the next message is about its end. */
const isOver = ({ affected }: Incident): boolean =>
  affected.length > 0 && affected.every(({ decky }) => runsAgain(decky));

/** Without what is no longer down or is silenced: no message names it meanwhile. */
function grownExtent(one: Incident, active: readonly ActiveSilence[]): Extent & { fresh: number } {
  const affected = one.affected.filter(
    (location) =>
      !isLeaving(location.decky) && !active.some(({ silence }) => isAbout(silence.scope, one.kind, location)),
  );
  const fresh = affected.filter(({ isNotified }) => isNotified === false).length;
  if (affected.length === one.affected.length) return { ...extentOf(one), fresh };
  const hosts = new Set(affected.map(({ host }) => host)).size;
  return { ...extentOf({ ...one, affected, hosts, deckies: affected.length }), fresh };
}

const newlyStored = (one: Incident, now: number): StoredIncident => ({
  ...one,
  ...neverSilenced,
  acknowledged: null,
  affected: [],
  ever: [],
  openedAt: now,
  extent: extentOf(one),
  most: extentOf(one),
  notified: null,
});

/** What has shrunk since the last message grows from there. */
const smaller = (notified: StoredIncident['notified'], extent: Extent): StoredIncident['notified'] =>
  notified && {
    ...notified,
    hosts: Math.min(notified.hosts, extent.hosts),
    deckies: Math.min(notified.deckies, extent.deckies),
    down: Math.min(notified.down, extent.down),
  };

/** The messages that still have room in the minute of their host. What is held back stays due. */
function withinLimits(due: readonly Due[], { sent, now }: JudgedFacts, publicUrl: string | null) {
  const going: Due[] = [];
  const about: Notification[] = [];
  const limits: { host: string; sent: number; heldBack: number }[] = [];
  for (const [host, some] of Map.groupBy(due, (one) => one.host)) {
    // Several hosts or the control plane: a worker that was taken over cannot make any number of them.
    if (host === '') {
      going.push(...some);
      continue;
    }
    const { sent: before, limited } = sent.get(host) ?? { sent: 0, limited: false };
    const room = withinLimit(some, before);
    going.push(...room.going);
    if (room.heldBack.length > 0 && !limited)
      about.push(limitMessage(host, room.heldBack.length, now, publicUrl));
    limits.push({ host, sent: before + room.going.length, heldBack: room.heldBack.length });
  }
  return { going: going.sort((a, b) => due.indexOf(a) - due.indexOf(b)), about, limits };
}
