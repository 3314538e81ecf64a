import type { Gap, HistoryFilter, Report, Transition } from '../views/report.ts';

/** One line of `history --follow --json`. */
export type Change = ({ readonly kind: 'transition' } & Transition) | ({ readonly kind: 'gap' } & Gap);

/**
 * Milliseconds for which ids are asked for again. A transition gets its id before its transaction is committed, so that a later
 * id may be seen first.
 */
const lateMs = 60_000;
/** Transitions of one query. */
const batchSize = 1000;

/** The new transitions and gaps since the last call, each once and oldest first, also after an outage of the database. */
export interface Follower {
  /** The newest changes so far. From now on, `next` returns what is newer. */
  start(): Promise<readonly Change[]>;
  next(): Promise<readonly Change[]>;
}

/** @param clock monotonic, in milliseconds */
export function follower(report: Report, filter: HistoryFilter, clock = () => performance.now()): Follower {
  /** When each id above the floor was first seen. */
  const seen = new Map<number, number>();
  const seenGaps = new Set<string>();
  let floor = 0;
  let gapsFrom = '';
  const newGaps = async (): Promise<readonly Gap[]> => {
    if (filter.decky !== null || (filter.filter ?? []).length > 0) return [];
    return (await report.gaps(filter.host, gapsFrom)).filter((gap) => isNew(seenGaps, gap));
  };
  /** All transitions above the floor, and those of them that were not there before. */
  const read = async (): Promise<readonly Transition[]> => {
    const fresh: Transition[] = [];
    let after = floor;
    for (;;) {
      const found = await report.transitionsAfter(filter, after, batchSize);
      for (const one of found) if (!seen.has(one.id)) fresh.push(one);
      after = found.at(-1)?.id ?? after;
      if (found.length < batchSize) return fresh;
    }
  };
  const remember = (transitions: readonly Transition[], now: number): void => {
    for (const { id } of transitions) seen.set(id, now);
    // Only after a read that began then: what was committed during an outage is older than the read after it.
    for (const [id, at] of seen) {
      if (now - at <= lateMs) continue;
      floor = Math.max(floor, id);
      seen.delete(id);
    }
    for (const id of seen.keys()) if (id <= floor) seen.delete(id);
  };
  return {
    start: async () => {
      const now = clock();
      floor = await report.lastTransitionBefore(lateMs / 1000);
      gapsFrom = new Date(Date.now() - 2 * lateMs).toISOString();
      // Before the history is read: what is committed in between is in the history.
      remember(await read(), now);
      await newGaps();
      const { transitions, gaps } = await report.history(filter);
      for (const { id } of transitions) if (id > floor) seen.set(id, now);
      for (const gap of gaps) isNew(seenGaps, gap);
      return inOrder(transitions, gaps).slice(-filter.limit);
    },
    next: async () => {
      const now = clock();
      const transitions = await read();
      const gaps = await newGaps();
      remember(transitions, now);
      return inOrder(transitions, gaps);
    },
  };
}

/** Whether a gap was not in the set; it is afterwards. */
function isNew(known: Set<string>, { host_uuid, from_at, to_at }: Gap): boolean {
  const key = `${host_uuid} ${from_at} ${to_at}`;
  const before = known.size;
  return known.add(key).size > before;
}

const timeOf = (change: Change): number => Date.parse(change.kind === 'gap' ? change.to_at : change.at);

const inOrder = (transitions: readonly Transition[], gaps: readonly Gap[]): readonly Change[] =>
  [
    ...transitions.map((one): Change => ({ kind: 'transition', ...one })),
    ...gaps.map((one): Change => ({ kind: 'gap', ...one })),
  ].sort((a, b) => timeOf(a) - timeOf(b) || idOf(a) - idOf(b));

const idOf = (change: Change): number => (change.kind === 'gap' ? 0 : change.id);
