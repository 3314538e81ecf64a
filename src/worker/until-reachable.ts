import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, FleetError, reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';

const pauses = { firstMs: 500, maxMs: 5000 };

/** What a process waits for, by the code of the error. */
type Awaited = 'store' | 'schema';
const outages: Partial<Record<ErrorCode, Awaited>> = {
  DATABASE_UNREACHABLE: 'store',
  QUEUE_UNREACHABLE: 'store',
};
const outagesAndUpgrades: Partial<Record<ErrorCode, Awaited>> = { ...outages, SCHEMA_MISSING: 'schema' };

const texts = {
  store: { missing: 'a store does not answer; retrying', found: 'all stores answer again' },
  schema: {
    missing: 'the database is not migrated to this version; waiting',
    found: 'the database is migrated to this version',
  },
} as const;

/**
 * Retries until a store answers. A process that starts during an outage of a store waits, as a running process does.
 * @param isStopped checked after each failed attempt; if true, the error of that attempt is thrown
 * @throws every error other than an outage
 */
export const untilReachable = (ask: () => Promise<void>, isStopped: () => boolean, log: Log): Promise<void> =>
  retry(ask, isStopped, log, outages);

/**
 * The same, and also waits until the database is migrated to this version, so that an upgrade may start processes in any order.
 * @throws every error other than an outage and a missing schema
 */
export const untilMigrated = (ask: () => Promise<void>, isStopped: () => boolean, log: Log): Promise<void> =>
  retry(ask, isStopped, log, outagesAndUpgrades);

async function retry(
  ask: () => Promise<void>,
  isStopped: () => boolean,
  log: Log,
  waitsFor: Partial<Record<ErrorCode, Awaited>>,
): Promise<void> {
  let missing: Awaited | null = null;
  for (let pauseMs = pauses.firstMs; ; pauseMs = Math.min(pauses.maxMs, 2 * pauseMs)) {
    try {
      await ask();
      if (missing !== null) log.info(texts[missing].found);
      return;
    } catch (error) {
      const found: Awaited | null = error instanceof FleetError ? awaitedBy(error, waitsFor, missing) : null;
      if (found === null || isStopped()) throw error;
      if (found !== missing) log.warn({ reason: reasonOf(error) }, texts[found].missing);
      missing = found;
      await sleep(pauseMs, undefined, { ref: true });
    }
  }
}

/** What has to come before another attempt can succeed; null: no attempt will. */
function awaitedBy(
  { code }: FleetError,
  waitsFor: Partial<Record<ErrorCode, Awaited>>,
  missing: Awaited | null,
): Awaited | null {
  // `migrate` adds the columns, and a moment later the privileges of workers on them.
  if (code === 'NOT_PERMITTED' && missing === 'schema') return 'schema';
  return waitsFor[code] ?? null;
}
