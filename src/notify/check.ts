import { codeOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Deciding, Outbox } from '../pass/outbox.ts';
import type { DatabaseOutage } from './database-outage.ts';
import type { Outcome } from './repeat.ts';

/** Milliseconds between two prunings. */
const pruneEveryMs = 15_000;
/** Milliseconds without a check after which this process no longer knows what happened in between. */
const blindAfterMs = 10_000;
/** Seconds without a check by any process after which a warning is logged. */
const overdueAfterSeconds = 60;

/**
 * Checks the alerts and incidents, and writes the messages about them into the outbox.
 * @param deciding what is known now beside the tables
 * @param everyMs the time between two checks
 */
export function alertCheck(
  outbox: Outbox,
  deciding: () => Omit<Deciding, 'databaseLostAt'>,
  {
    everyMs,
    log,
    outage,
    silent,
  }: { everyMs: number; log: Log; outage: DatabaseOutage; silent(hosts: readonly string[]): void },
): () => Promise<Outcome> {
  const prune = pruner(outbox, log);
  let watchedFrom = Date.now();
  let checkedAt = Date.now();
  return async () => {
    const now = Date.now();
    if (Math.abs(now - checkedAt) > everyMs + blindAfterMs) watchedFrom = now;
    // Only this process knows that the database is away, and records it when it is back.
    const checked = await prune(now)
      .then(() =>
        outbox.check(now - watchedFrom, { ...deciding(), databaseLostAt: outage.unrecordedSince() }),
      )
      .catch(async (error: unknown) => {
        // Locked tables, and a session that ended because this process was slow, are no outage.
        if (codeOf(error) === 'DATABASE_UNREACHABLE' && (await outbox.isAway())) outage.failed(now);
        throw error;
      });
    outage.checked(checked);
    const { lastCheckSeconds, silent: hosts } = checked;
    if (hosts !== undefined) silent(hosts);
    // Log it when a process that hangs, or any other session, holds the lock and so blocks all notifications.
    if (lastCheckSeconds > overdueAfterSeconds)
      throw new Error(
        `no process has checked the alerts for ${Math.round(lastCheckSeconds)} s: another session holds the row "alarms" of fleet_locks`,
      );
    // Only a successful check counts: while the database was unreachable, nothing was checked.
    checkedAt = Date.now();
    return 'rest';
  };
}

/** Drops what is too old to be sent, from time to time. */
function pruner(outbox: Outbox, log: Log): (now: number) => Promise<void> {
  let prunedAt = 0;
  return async (now) => {
    if (now - prunedAt < pruneEveryMs && now >= prunedAt) return;
    const { dropped } = await outbox.prune();
    prunedAt = now;
    if (dropped > 0) log.warn({ dropped }, 'notifications dropped: they could not be delivered within a day');
  };
}
