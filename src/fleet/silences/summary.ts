import { ageOf } from '../../lib/age.ts';
import { type Notification, noReason, notificationOf } from '../alerts/notification.ts';
import type { Resolution, StoredIncident } from '../incidents/follow.ts';
import { countOf } from '../words.ts';
import type { Over } from './evaluate.ts';
import { scopeText } from './silence.ts';

/** An incident that a silence has kept from being sent, at least for a while. */
export interface SilencedIncident
  extends Pick<StoredIncident, 'cause' | 'since' | 'openedAt' | 'silencedEver' | 'notified'> {
  /** Epoch milliseconds; null: it is open. */
  readonly closedAt: number | null;
  readonly resolution: Resolution | null;
}

const listedAtMost = 5;

/** What a period of a silence has kept from being sent: what opened meanwhile, and the ends that no other message reports. */
export const missedIn = <I extends SilencedIncident>(
  { silence, period }: Over,
  incidents: readonly I[],
): readonly I[] =>
  incidents.filter(
    ({ silencedEver, closedAt, openedAt, notified, resolution }) =>
      silencedEver.includes(silence.id) &&
      (closedAt === null || closedAt >= period.from) &&
      (notified === null || openedAt >= period.from || resolution === 'covered'),
  );

/** The message at the end of a silence; null: nothing was missed. @param incidents open ones and those that ended */
export function summaryMessage(
  over: Over,
  incidents: readonly SilencedIncident[],
  publicUrl: string | null,
): Notification | null {
  const missed = missedIn(over, incidents);
  if (missed.length === 0) return null;
  const { silence, period } = over;
  const { scope, who, why } = silence;
  const open = missed.filter(({ closedAt }) => closedAt === null);
  const ended = missed.filter(({ closedAt }) => closedAt !== null);
  const text = [
    `The silence of ${scopeText(scope)} by ${who} (${why}) is over: ${countOf(missed.length, 'incident')} not sent`,
    ...listOf('still open', open, ({ cause }) => cause),
    ...listOf(
      'ended',
      ended,
      ({ cause, since, closedAt }) => `${cause} (after ${ageOf(Math.max(0, (closedAt ?? since) - since))})`,
    ),
  ].join('; ');
  return notificationOf(
    {
      ...noReason,
      kind: 'silence_ended',
      host: 'host' in scope ? scope.host : '',
      names: [],
      count: missed.length,
      reason: why,
      state: null,
      previous: null,
      since: period.from,
      deckies: 0,
      incident: null,
      summary: text,
    },
    publicUrl,
  );
}

function listOf<I>(title: string, some: readonly I[], words: (one: I) => string): readonly string[] {
  if (some.length === 0) return [];
  const rest = some.length - listedAtMost;
  const list = some.slice(0, listedAtMost).map(words).join(', ');
  return [`${title} (${some.length}): ${list}${rest > 0 ? ` and ${rest} more` : ''}`];
}
