import { type Alert, isDown, removed } from './alert.ts';
import { type Notification, type NotificationKind, notificationOf } from './notification.ts';

/** What is known when it is decided what to tell. */
export interface AlertFacts {
  /** Of the database's clock, epoch milliseconds. */
  readonly now: number;
  /** All alerts of the hosts of which something may be to be told. */
  readonly alerts: readonly Alert[];
  /** How many deckies are recorded for each host. */
  readonly deckies: ReadonlyMap<string, number>;
  /**
   * How many messages about a host were sent in its current minute, and whether one said that more are held back; a host
   * without any is left out.
   */
  readonly sent: ReadonlyMap<string, { readonly sent: number; readonly limited: boolean }>;
}

export interface Decision {
  readonly notifications: readonly Notification[];
  readonly told: readonly Told[];
  /** Of the hosts about which something is sent or held back. */
  readonly limits: readonly Limit[];
}

/** How many messages about a host go out in its current minute, and how many are held back until it is over. */
export interface Limit {
  readonly host: string;
  readonly sent: number;
  readonly heldBack: number;
}

/** What an alert's row takes. */
export interface Told {
  readonly host: string;
  readonly name: string;
  /** Null: the row has done its duty. */
  readonly told: string | null;
  /** Its changes are forgotten: they were told. */
  readonly calm: boolean;
}

/** Milliseconds without news after which a host's are told, so that one cause is one message … */
export const settleAfter = 2000;
/** … and after which they are told though more keep coming. */
export const settleWithin = 10_000;

/** More changes than this within `flappingWindow` are told as such, and then nothing until it was quiet. */
export const flappingAfter = 3;
export const flappingWindow = 10 * 60 * 1000;
export const quietAfter = 5 * 60 * 1000;
const flapping = 'flapping';

/** So many at least, and more than half of the host's, are one message; and so are more than `singlesAtMost`. */
const groupFrom = 3;
const singlesAtMost = 20;

/**
 * Messages about one host within a minute. Its worker writes its alerts: one that was taken over could otherwise send
 * any number, whatever counts as flapping.
 */
export const messagesAtMost = 20;

/** Without a receiver: what is this old, in milliseconds, is no news any more. */
export const oldAfter = 10 * 60 * 1000;

type Verdict = 'silent' | 'quietly' | 'flapping' | 'down' | 'up' | 'removed' | 'host';

/** The first rule that holds wins. */
const rules: readonly { verdict: Verdict; holds: (alert: Alert, now: number) => boolean }[] = [
  { verdict: 'silent', holds: (a, now) => a.told === flapping && now - a.changedAt < quietAfter },
  { verdict: 'flapping', holds: (a, now) => a.told !== flapping && changesOf(a, now) > flappingAfter },
  { verdict: 'silent', holds: (a) => a.told === a.state },
  { verdict: 'host', holds: (a) => a.name === '' },
  { verdict: 'down', holds: (a) => isDown(a.state) },
  { verdict: 'up', holds: (a) => a.state === 'running' },
  // Nobody was told that it is down: that it is gone is no news.
  { verdict: 'removed', holds: (a) => a.state === removed && a.told !== 'running' },
  { verdict: 'quietly', holds: () => true },
];

const verdictOf = (alert: Alert, now: number): Verdict =>
  rules.find(({ holds }) => holds(alert, now))?.verdict ?? 'silent';

const changesOf = ({ recent }: Alert, now: number): number =>
  recent.filter((at) => now - at < flappingWindow).length;

const kinds = {
  down: ['decky_down', 'host_down'],
  up: ['decky_recovered', 'host_recovered'],
  removed: ['decky_removed', 'host_cleared'],
  flapping: ['decky_flapping', 'host_flapping'],
} as const satisfies Partial<Record<Verdict, readonly [NotificationKind, NotificationKind]>>;

/** What is to be told now of each host whose news have settled. */
export function decide(facts: AlertFacts, publicUrl: string | null): Decision {
  const byHost = Map.groupBy(facts.alerts, ({ host }) => host);
  const decisions = [...byHost].map(([host, alerts]) =>
    decideHost(
      host,
      alerts,
      { deckies: facts.deckies.get(host) ?? 0, ...(facts.sent.get(host) ?? { sent: 0, limited: false }) },
      facts.now,
      publicUrl,
    ),
  );
  return {
    notifications: decisions.flatMap(({ notifications }) => notifications),
    told: decisions.flatMap(({ told }) => told),
    limits: decisions.flatMap(({ limits }) => limits),
  };
}

interface HostFacts {
  readonly deckies: number;
  readonly sent: number;
  readonly limited: boolean;
}

/** Some alerts, and the messages that tell of them. */
interface Group {
  readonly alerts: readonly Alert[];
  readonly messages: readonly Notification[];
}

function decideHost(
  host: string,
  alerts: readonly Alert[],
  { deckies, sent, limited }: HostFacts,
  now: number,
  publicUrl: string | null,
): Decision {
  const judged = alerts.map((alert) => ({ alert, verdict: verdictOf(alert, now) }));
  const news = judged.filter(({ verdict }) => verdict !== 'silent');
  const times = news.map(({ alert }) => alert.changedAt);
  const settled =
    now - times.reduce((a, b) => Math.max(a, b), -Infinity) >= settleAfter ||
    now - times.reduce((a, b) => Math.min(a, b), Infinity) >= settleWithin;
  if (news.length === 0 || !settled) return { notifications: [], told: [], limits: [] };

  const of = (verdict: Verdict): readonly Alert[] =>
    news.filter((one) => one.verdict === verdict).map(({ alert }) => alert);
  const wereDown = alerts.filter(({ name, told }) => name !== '' && told !== 'running').length;
  const about = (verdict: keyof typeof kinds, among: number): readonly Group[] => {
    const found = of(verdict).filter(({ name }) => name !== '');
    const [single, group] = kinds[verdict];
    const together = (found.length >= groupFrom && found.length * 2 > among) || found.length > singlesAtMost;
    return (together ? [found] : found.map((alert) => [alert])).map((list) => ({
      alerts: list,
      messages: [messageOf(together ? group : single, list, deckies, publicUrl)],
    }));
  };
  // The host's own first: they explain the others, and no number of others holds them back.
  const groups: readonly Group[] = [
    ...of('host').map((alert) => ({ alerts: [alert], messages: hostMessages(alert, deckies, publicUrl) })),
    ...of('flapping')
      .filter(({ name }) => name === '')
      .map((alert) => ({
        alerts: [alert],
        messages: [messageOf('host_flapping', [alert], deckies, publicUrl)],
      })),
    ...about('down', deckies),
    ...about('up', wereDown),
    ...about('removed', wereDown),
    ...about('flapping', deckies),
  ];
  const { going, heldBack } = withinLimit(groups, messagesAtMost - sent);
  const messages = going.flatMap((group) => group.messages);
  const waiting = new Set(heldBack.flatMap((group) => group.alerts));
  const limitNews =
    heldBack.length > 0 && !limited ? [limitMessage(host, heldBack.length, now, publicUrl)] : [];
  return {
    notifications: [...messages, ...limitNews],
    // What is held back stays news, and is decided anew when the minute is over.
    told: news.filter(({ alert }) => !waiting.has(alert)).map(({ alert, verdict }) => toldOf(alert, verdict)),
    limits:
      messages.length + heldBack.length > 0
        ? [{ host, sent: sent + messages.length, heldBack: heldBack.length }]
        : [],
  };
}

/** The groups that still have room, in their order, and the others. */
function withinLimit(
  groups: readonly Group[],
  room: number,
): { going: readonly Group[]; heldBack: readonly Group[] } {
  let left = room;
  const going: Group[] = [];
  const heldBack: Group[] = [];
  for (const group of groups) {
    left -= group.messages.length;
    (left >= 0 ? going : heldBack).push(group);
  }
  return { going, heldBack };
}

const limitMessage = (host: string, count: number, now: number, publicUrl: string | null): Notification =>
  notificationOf(
    {
      kind: 'host_limited',
      host,
      names: [],
      heldBack: count,
      state: null,
      previous: null,
      reason: null,
      since: now,
      deckies: 0,
    },
    publicUrl,
  );

const toldOf = ({ host, name, state, told }: Alert, verdict: Verdict): Told => ({
  host,
  name,
  told: verdict === 'flapping' ? flapping : state === removed ? null : state,
  // Else the changes that were told as flapping would be told so again.
  calm: told === flapping,
});

/** @param alerts at least one; of the host itself, or of its deckies */
function messageOf(
  kind: NotificationKind,
  alerts: readonly Alert[],
  deckies: number,
  publicUrl: string | null,
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
      previous: same(({ told }) => told),
      reason: same(({ reason }) => reason),
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

/** A message for each fault of a host that began or ended; after flapping for each, since nobody knows any more. */
function hostMessages(alert: Alert, deckies: number, publicUrl: string | null): readonly Notification[] {
  const now = new Set(alert.state.split(' '));
  const then = new Set(alert.told.split(' '));
  return faults
    .filter(({ word }) => alert.told === flapping || now.has(word) !== then.has(word))
    .map(({ word, begins, ends }) =>
      now.has(word)
        ? // The reason that a host's alert keeps is why Docker does not answer.
          messageOf(begins, [word === 'stale' ? { ...alert, reason: null } : alert], deckies, publicUrl)
        : messageOf(ends, [{ ...alert, reason: null, since: alert.changedAt }], deckies, publicUrl),
    );
}

/** Without a receiver: what is old counts as told, so that one who comes later hears of nothing that is long past. */
export const suppress = ({ now, alerts }: AlertFacts): Decision => ({
  notifications: [],
  limits: [],
  told: alerts
    .filter((alert) => alert.told !== alert.state && now - alert.changedAt >= oldAfter)
    .map((alert) => ({ ...toldOf(alert, 'quietly'), calm: true })),
});
