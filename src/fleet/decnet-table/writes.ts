import type { TimedTransition } from '../plan/change.ts';
import type { DecnetWrite, DecnetWrites, Row } from '../plan/facts.ts';
import { isFleetState } from '../state.ts';
import { contentIn, type RowComparer } from './content.ts';
import type { DecnetRow } from './row.ts';
import { isTime, sameTime, type TableTime, timeIn, timeText } from './times.ts';

/** What is known before a pass plans. Clocks are in epoch milliseconds. */
export interface WritesFacts {
  /** DECNET's clock, which is this machine's. */
  readonly decnetNow: number;
  /** How far our database's clock is ahead of it. */
  readonly aheadMs: number;
  readonly graceSeconds: number;
  readonly theirs: ReadonlyMap<string, DecnetRow>;
  /** Our rows before the pass. */
  readonly recorded: readonly Row[];
  readonly isDeclared: (name: string) => boolean;
  readonly recentTransitions: readonly TimedTransition[];
  /** The rows as this process last wrote them. */
  readonly written: ReadonlyMap<string, DecnetRow>;
  readonly comparer: RowComparer;
}

/** Finds what DECNET wrote into its table. A row that we wrote has the time of a write of ours. */
export function decnetWrites(facts: WritesFacts): DecnetWrites {
  const { theirs, recorded, isDeclared, graceSeconds, decnetNow } = facts;
  const [from, to] = [-1, 1].map((sign) => timeText((decnetNow + sign * graceSeconds * 1000) * 1000));
  const candidates = [...theirs.values()].filter(
    ({ updatedAt }) => updatedAt > (from ?? '') && updatedAt < (to ?? ''),
  );
  const ours = new Map<string, Row>();
  const strangers = new Map(theirs);
  for (const row of recorded) {
    strangers.delete(row.name);
    if (candidates.length > 0) ours.set(row.name, row);
  }
  // A deploy writes all rows, and as many transitions may be recent.
  const transitions =
    candidates.length === 0 ? noTransitions : Map.groupBy(facts.recentTransitions, ({ name }) => name);
  const recent = new Map<string, DecnetWrite>();
  for (const row of candidates) {
    const at = timeIn(row.updatedAt);
    if (at === null) continue;
    const known = { recorded: ours.get(row.name), transitions: transitions.get(row.name) ?? [] };
    if (isOurs(row, at, known, facts)) continue;
    const writtenAt = Math.floor(at.us / 1000) + facts.aheadMs;
    recent.set(row.name, { writtenAt, content: () => contentIn(row) });
  }
  return {
    recent,
    strangers: [...strangers.values()].filter(({ name }) => !isDeclared(name)).map(strangerRow),
  };
}

const noTransitions: ReadonlyMap<string, readonly TimedTransition[]> = new Map();

/**
 * Whether we wrote the row last. In MySQL another program's write within the same second has the same time, so there the row
 * must also be what we wrote.
 */
function isOurs(
  row: DecnetRow,
  at: TableTime,
  { recorded, transitions }: { recorded: Row | undefined; transitions: readonly TimedTransition[] },
  { written, comparer }: WritesFacts,
): boolean {
  const own = written.get(row.name);
  if (own !== undefined && sameAsWritten(row, at, own)) return true;
  if (recorded !== undefined && isTime(at, recorded.updatedUs)) {
    if (at.hasFraction) return true;
    const { state, content } = comparer.compare(recorded, row);
    if (state && content) return true;
  }
  // The process may have ended between the commit of our table and the write of this one.
  return transitions.some(
    ({ to, at: ms }) => isTime(at, Math.round(ms * 1000)) && (at.hasFraction || to === row.state),
  );
}

const sameAsWritten = (row: DecnetRow, at: TableTime, own: DecnetRow): boolean => {
  const ownAt = timeIn(own.updatedAt);
  if (ownAt === null || !isTime(at, ownAt.us)) return false;
  return (
    at.hasFraction ||
    (row.state === own.state &&
      row.lastError === own.lastError &&
      row.services === own.services &&
      row.deckyConfig === own.deckyConfig &&
      row.deckyIp === own.deckyIp &&
      sameTime(row.lastSeen, own.lastSeen === null ? null : (timeIn(own.lastSeen)?.us ?? null)))
  );
};

/** As a row of ours, to decide about it by the same rules. Who wrote it last is in `recent`. */
const strangerRow = (row: DecnetRow): Row => ({
  ...contentIn(row),
  name: row.name,
  state: isFleetState(row.state) ? row.state : 'pending',
  lastError: row.lastError,
  ours: true,
  writtenAt: 0,
  updatedUs: 0,
  lastSeenUs: null,
});

/** Differences between the clocks that are not worth a correction: reading both takes time. */
const clocksAgreeMs = 1000;

/** How far our database's clock is ahead of DECNET's; the same from pass to pass, so that a write keeps its time. */
export const aheadAfter = (before: number, measuredMs: number): number =>
  Math.abs(measuredMs) < clocksAgreeMs
    ? 0
    : Math.abs(measuredMs - before) < clocksAgreeMs
      ? before
      : measuredMs;
