import type { Extent, StoredIncident } from './follow.ts';
import { type IncidentKind, type Severity, severities } from './incident.ts';

/** Milliseconds for which an incident lasts before it is told. What deckies and hosts say has settled already. */
const tellsAfterMs: Readonly<Partial<Record<IncidentKind, number>>> = {
  queues_unreachable: 5000,
  scheduler_silent: 15_000,
  queue_paused: 30_000,
  pass_failing: 30_000,
};
/** Milliseconds for which a stale host waits for those that are about to become stale for the same reason. */
const waitsForOthersMs = 60_000;
/** Milliseconds after a message in which growth is not told, even if the extent has doubled since, and however little. */
const growsAgainAfterMs = 30_000;
const growsSlowlyAfterMs = 5 * 60_000;
/** Milliseconds after which an incident is too old for a receiver that is set later. */
export const oldAfterMs = 10 * 60_000;

/** Whether a message tells that an incident was opened. @param late whether other hosts are about to become stale */
export function tellsOpened(
  { kind, told, openedAt, unsilencedAt }: StoredIncident,
  late: boolean,
  now: number,
): boolean {
  // A message that notifications cannot be delivered is not delivered either.
  if (told !== null || kind === 'notifications_undelivered') return false;
  const age = now - openedAt;
  // What a silence has kept back is told when the silence is over.
  if (now - (unsilencedAt ?? openedAt) >= oldAfterMs) return false;
  if (kind === 'host_stale' && late && age < waitsForOthersMs) return false;
  return age >= (tellsAfterMs[kind] ?? 0);
}

/** Whether a message tells that an incident affects more than was told: soon if it has doubled, else after a while. @param now.fresh how much of it no message has told yet */
export function tellsGrown(
  { told, kind }: Pick<StoredIncident, 'told' | 'kind'>,
  now: Extent & { fresh: number },
  at: number,
): boolean {
  // That the whole fleet is affected was told.
  if (told === null || kind === 'queues_unreachable') return false;
  const parts = ['hosts', 'deckies', 'down'] as const;
  if (now.fresh === 0 && !parts.some((part) => now[part] > told[part])) return false;
  const waited = at - told.at;
  if (waited >= growsSlowlyAfterMs) return true;
  const hasDoubled =
    (now.fresh > 0 && now.fresh * 2 >= Math.max(now.hosts, now.deckies)) ||
    parts.some((part) => now[part] > 0 && now[part] >= 2 * told[part]);
  return waited >= growsAgainAfterMs && hasDoubled;
}

/** Whether a message tells that an incident which somebody has acknowledged is more severe than it was then. */
export const tellsRisen = (
  { told, acknowledged }: Pick<StoredIncident, 'told' | 'acknowledged'>,
  severity: Severity,
  at: number,
): boolean =>
  told !== null &&
  acknowledged !== null &&
  severities.indexOf(severity) < severities.indexOf(acknowledged.severity) &&
  at - told.at >= growsAgainAfterMs;
