import type { Extent, StoredIncident } from './follow.ts';
import { type IncidentKind, type Severity, severities } from './incident.ts';

/** Milliseconds for which an incident lasts before a message is sent. The states of deckies and hosts have settled already. */
const dueAfterMs: Readonly<Partial<Record<IncidentKind, number>>> = {
  queues_unreachable: 5000,
  scheduler_silent: 15_000,
  queue_paused: 30_000,
  pass_failing: 30_000,
};
/** Milliseconds for which a stale host waits for those that are about to become stale for the same reason. */
const waitsForOthersMs = 60_000;
/** Milliseconds after a message in which growth is not reported: even if the extent is twice as large, and if it is larger at all. */
const growsAgainAfterMs = 30_000;
const growsSlowlyAfterMs = 5 * 60_000;
/** Milliseconds after which an incident is too old for a receiver that is set later. */
export const oldAfterMs = 10 * 60_000;

/** Whether the message that an incident was opened is due. @param late whether other hosts are about to become stale */
export function isOpeningDue(
  { kind, notified, openedAt, unsilencedAt }: StoredIncident,
  late: boolean,
  now: number,
): boolean {
  // A message that notifications cannot be delivered is not delivered either.
  if (notified !== null || kind === 'notifications_undelivered') return false;
  const age = now - openedAt;
  // What a silence has kept back is sent when the silence is over.
  if (now - (unsilencedAt ?? openedAt) >= oldAfterMs) return false;
  if (kind === 'host_stale' && late && age < waitsForOthersMs) return false;
  return age >= (dueAfterMs[kind] ?? 0);
}

/** Whether the message that an incident affects more is due: soon if the extent is twice as large, else later. @param now.fresh how much of it no message has named yet */
export function isGrowthDue(
  { notified, kind }: Pick<StoredIncident, 'notified' | 'kind'>,
  now: Extent & { fresh: number },
  at: number,
): boolean {
  // The first message said that the whole fleet is affected.
  if (notified === null || kind === 'queues_unreachable') return false;
  const parts = ['hosts', 'deckies', 'down'] as const;
  if (now.fresh === 0 && !parts.some((part) => now[part] > notified[part])) return false;
  const waited = at - notified.at;
  if (waited >= growsSlowlyAfterMs) return true;
  const isTwiceAsLarge =
    (now.fresh > 0 && now.fresh * 2 >= Math.max(now.hosts, now.deckies)) ||
    parts.some((part) => now[part] > 0 && now[part] >= 2 * notified[part]);
  return waited >= growsAgainAfterMs && isTwiceAsLarge;
}

/** Whether the message is due that an acknowledged incident is more severe than it was when it was acknowledged. */
export const isRiseDue = (
  { notified, acknowledged }: Pick<StoredIncident, 'notified' | 'acknowledged'>,
  severity: Severity,
  at: number,
): boolean =>
  notified !== null &&
  acknowledged !== null &&
  severities.indexOf(severity) < severities.indexOf(acknowledged.severity) &&
  at - notified.at >= growsAgainAfterMs;
