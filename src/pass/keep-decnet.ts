import type { OurRow } from '../fleet/decnet-table/content.ts';
import { type DecnetFact, factAfter } from '../fleet/decnet-table/fact.ts';
import { namesIn } from '../fleet/decnet-table/row.ts';
import { rowsAfter } from '../fleet/decnet-table/rows-after.ts';
import { deckiesByName } from '../fleet/desired.ts';
import type { Plan, TimedTransition } from '../fleet/plan/change.ts';
import { type DecnetWrites, noDecnetWrites, type Row } from '../fleet/plan/facts.ts';
import { rivalText } from '../fleet/words.ts';
import type { DecnetSync, DecnetWork } from './decnet-sync.ts';
import type { CommittedTransition, HostTransaction, Ledger } from './ledger.ts';
import type { HostFacts } from './observe.ts';
import type { PassRequest } from './request.ts';

/** The steps of a pass that keep DECNET's own table as ours. */

/** Milliseconds after which rows that changed while they were written are checked again. */
const againMs = 500;

/** What DECNET wrote into its table, for the plan. */
export function decnetWritesOf(
  decnet: DecnetSync | null,
  { desired, decnet: theirs }: Pick<HostFacts, 'desired' | 'decnet'>,
  facts: {
    readonly now: number;
    readonly graceSeconds: number;
    readonly recorded: readonly Row[];
    readonly recentTransitions: readonly TimedTransition[];
  },
): DecnetWrites {
  if (decnet === null || theirs === null) return noDecnetWrites;
  const declared = deckiesByName(desired);
  return decnet.writesIn(theirs, { ...facts, isDeclared: (name) => declared.has(name) });
}

/** What the rest of a pass needs. */
export interface DecnetStep {
  /** Null: the table does not answer. */
  readonly work: DecnetWork | null;
  /** Before the work is done. */
  readonly fact: DecnetFact;
}

/** Plans what DECNET's table must take over. Null: it is not kept. */
export async function planDecnet(
  decnet: DecnetSync | null,
  theirs: HostFacts['decnet'],
  transaction: HostTransaction,
  request: Pick<PassRequest, 'only' | 'graceSeconds'>,
  applied: {
    readonly plan: Plan;
    readonly recorded: readonly Row[];
    readonly transitions: readonly CommittedTransition[];
  },
): Promise<DecnetStep | null> {
  if (decnet === null) return null;
  const { now, host } = transaction;
  const found = { now, isFull: request.only === null, rival: decnet.rival(now) };
  const before = host.memory.decnet;
  if (theirs === null)
    return { work: null, fact: factAfter(before, { ...found, reason: decnet.reason, agrees: false }) };
  const { plan, recorded, transitions } = applied;
  const scope = recorded.filter(({ name }) => request.only?.has(name) ?? true);
  const after = rowsAfter(scope, plan.changes, transitions, transaction.nowUs);
  const rows = await withConfigs(after, theirs, transaction);
  const work = await decnet.plan({ ...request, now, theirs, plan, rows });
  const agrees = namesIn(work.changes).length === 0;
  // What is left to write may fail again.
  return { work, fact: factAfter(before, { ...found, reason: agrees ? null : decnet.reason, agrees }) };
}

/** The content of a row that the file does not declare is needed only where DECNET's table lacks it. */
async function withConfigs(
  rows: readonly OurRow[],
  theirs: NonNullable<HostFacts['decnet']>,
  transaction: HostTransaction,
): Promise<readonly OurRow[]> {
  const isUnknown = ({ name, config }: OurRow): boolean => config === null && !theirs.has(name);
  const names = rows.filter(isUnknown).map(({ name }) => name);
  if (names.length === 0) return rows;
  const configs = await transaction.configs(names);
  return rows.map((row) => (isUnknown(row) ? { ...row, config: configs.get(row.name) ?? null } : row));
}

/**
 * Writes DECNET's table after the commit, and records how it is. It never rejects.
 * @returns the deckies to check again, and in how many milliseconds
 */
export async function writeDecnet(
  decnet: DecnetSync,
  { work, fact }: DecnetStep,
  host: string,
  ledger: Pick<Ledger, 'noteDecnet'>,
): Promise<ReadonlyMap<string, number>> {
  if (work === null) return new Map();
  const left = await decnet.write(work);
  const { now, only } = work.facts;
  const found = { now, isFull: only === null, rival: decnet.rival(now) };
  const after = factAfter(fact, { ...found, reason: decnet.reason, agrees: left.length === 0 });
  // A quiet pass has recorded the same. What cannot be recorded now, the next pass records.
  if (JSON.stringify(after) !== JSON.stringify(fact))
    await ledger.noteDecnet(host, after).catch(() => undefined);
  return new Map([...work.requeueAfterMs, ...left.map((name): [string, number] => [name, againMs])]);
}

/** Warnings about DECNET's table, in text that stays the same while the cause lasts. */
export function decnetWarnings(decnet: DecnetSync | null, now: number): readonly string[] {
  if (decnet === null) return [];
  const rival = decnet.rival(now);
  return [
    ...(decnet.reason === null ? [] : [`DECNET's table cannot be written: ${decnet.reason}`]),
    ...(rival === null ? [] : [rivalText(rival)]),
  ];
}
