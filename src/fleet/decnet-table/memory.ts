import type { TimedTransition } from '../plan/change.ts';
import { contested, contestedWindowMs } from '../plan/contested.ts';
import { isFleetState } from '../state.ts';
import type { DecnetPlan } from './decide.ts';
import type { DecnetRow } from './row.ts';
import { timeText } from './times.ts';

/** What a process remembers about DECNET's table between passes. */
export interface DecnetMemory {
  /** The names of the rows that were there after the last pass. */
  readonly present: ReadonlySet<string>;
  /** When a row was first missed that DECNET deleted, epoch milliseconds of our database's clock. */
  readonly gone: ReadonlyMap<string, number>;
  /** The rows as we last wrote them, as long as that matters. */
  readonly written: ReadonlyMap<string, DecnetRow>;
  /** The changes of state that we wrote lately, oldest first. */
  readonly transitions: readonly TimedTransition[];
}

export const noDecnetMemory: DecnetMemory = {
  present: new Set(),
  gone: new Map(),
  written: new Map(),
  transitions: [],
};

/** The rows that DECNET deleted: they were there, and we did not delete them. */
export function goneNow(
  memory: DecnetMemory,
  theirs: ReadonlyMap<string, DecnetRow>,
  only: ReadonlySet<string> | null,
  now: number,
): ReadonlyMap<string, number> {
  const gone = new Map<string, number>();
  const isMissing = (name: string): boolean => !theirs.has(name) && (only === null || only.has(name));
  for (const [name, since] of memory.gone) if (isMissing(name)) gone.set(name, since);
  for (const name of only ?? memory.present)
    if (memory.present.has(name) && isMissing(name) && !gone.has(name)) gone.set(name, now);
  return gone;
}

export interface DecnetOutcome {
  readonly now: number;
  readonly graceSeconds: number;
  readonly only: ReadonlySet<string> | null;
  readonly theirs: ReadonlyMap<string, DecnetRow>;
  readonly gone: ReadonlyMap<string, number>;
  readonly plan: DecnetPlan;
  /** The names that were written. */
  readonly names: ReadonlySet<string>;
}

/** The memory after a pass. */
export function decnetMemoryAfter(before: DecnetMemory, outcome: DecnetOutcome): DecnetMemory {
  const { now, graceSeconds, only, theirs, gone, plan, names } = outcome;
  const { inserts, updates, deletes } = plan.changes;
  const written = inserts.concat(updates.map(({ row }) => row)).filter(({ name }) => names.has(name));
  const deleted = deletes.filter(({ name }) => names.has(name));
  const isElsewhere = (name: string): boolean => only !== null && !only.has(name);
  const present = new Set(theirs.keys());
  if (only !== null) for (const name of before.present) if (isElsewhere(name)) present.add(name);
  for (const { name } of written) present.add(name);
  for (const { name } of deleted) present.delete(name);
  const stillGone = new Map([...before.gone].filter(([name]) => isElsewhere(name)));
  for (const name of plan.missing) stillGone.set(name, gone.get(name) ?? now);
  return {
    present,
    gone: stillGone,
    written: writtenAfter(before.written, written, now - 2 * graceSeconds * 1000),
    transitions: transitionsAfter(before.transitions, outcome),
  };
}

/** Rows of long ago are known as old, whoever wrote them. */
function writtenAfter(
  before: DecnetMemory['written'],
  now: readonly DecnetRow[],
  fromMs: number,
): DecnetMemory['written'] {
  const from = timeText(fromMs * 1000);
  return new Map(
    [...before, ...now.map((row): [string, DecnetRow] => [row.name, row])].filter(
      ([, { updatedAt }]) => updatedAt > from,
    ),
  );
}

function transitionsAfter(
  before: readonly TimedTransition[],
  { now, plan, names }: DecnetOutcome,
): readonly TimedTransition[] {
  const state = (row: DecnetRow): TimedTransition['from'] => (isFleetState(row.state) ? row.state : null);
  const transition = (from: DecnetRow | null, to: DecnetRow | null): TimedTransition => ({
    name: (to ?? from)?.name ?? '',
    from: from && state(from),
    to: to && state(to),
    at: now,
  });
  const { inserts, updates, deletes } = plan.changes;
  const made = [
    ...inserts.map((row) => transition(null, row)),
    ...updates.map(({ was, row }) => transition(was, row)),
    ...deletes.map((row) => transition(row, null)),
  ].filter(({ name, from, to }) => names.has(name) && from !== to);
  return [...before.filter(({ at }) => now - at <= 2 * contestedWindowMs), ...made];
}

/** What another program does to DECNET's rows again and again: DECNET's own reconciler, as a rule. Null: nothing. */
export function rivalIn({ transitions }: DecnetMemory, now: number): string | null {
  const found = [...contested(transitions, now)];
  const [first] = found;
  if (first === undefined) return null;
  const more = found.length === 1 ? '' : `; and ${found.length - 1} more`;
  return `${first[0]}: ${first[1]}${more}`;
}
