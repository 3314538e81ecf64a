import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError } from '../lib/errors.ts';
import { oneByOne } from '../lib/one-by-one.ts';
import type { DecnetChanges, DecnetRow, DecnetTable } from '../pass/decnet-table.ts';
import { parseDecnetAddress, wrongAddress } from './address.ts';
import { type Asker, threadAsker } from './asker.ts';
import { nextPart, partSize } from './parts.ts';
import { rowOf, type Values } from './session.ts';

export interface DecnetTableLimits {
  /** The time limit of a call. */
  readonly answerWithinMs: number;
}
const defaults: DecnetTableLimits = { answerWithinMs: 5000 };

/**
 * Milliseconds without a lock of ours after each transaction. A program that waits for SQLite's lock looks at it after 1, 3, 8, 18,
 * 33 and 53 ms, so that it gets its turn.
 */
const pauseMs = 35;

/** The rows of the host that was last read as a whole. */
interface Kept {
  readonly host: string;
  /** The thread that sent them, and its name for them. */
  readonly start: number;
  readonly version: number;
  readonly byName: Map<string, DecnetRow>;
  readonly rows: readonly DecnetRow[];
}

/** Opens DECNET's own table. Connects with the first call. @throws FleetError CONFIG_INVALID */
export function openDecnetTable(url: string, { answerWithinMs } = defaults): DecnetTable {
  const address = parseDecnetAddress(url);
  if ('problem' in address) {
    throw new FleetError('CONFIG_INVALID', `DECNET_DATABASE_URL ${wrongAddress(address.problem)}`);
  }
  const asker = threadAsker(address);
  const serially = oneByOne();
  const size = partSize();
  let kept: Kept | null = null;
  let freeAtMs = 0;

  const readHost = async (host: string, untilMs: number): Promise<readonly DecnetRow[]> => {
    const before = kept?.host === host && kept.start === asker.starts ? kept : null;
    kept = null;
    kept = await readChanges(asker, host, before, untilMs);
    return kept.rows;
  };
  const write = async (host: string, changes: DecnetChanges, untilMs: number): Promise<readonly string[]> => {
    for (let from = 0; ; ) {
      const { part, to, isLast } = nextPart(changes, from, size.rows());
      if (to === from) return [];
      await sleep(Math.max(0, freeAtMs - performance.now()));
      const { names, heldMs } = await asker
        .ask({ kind: 'write', host, part }, untilMs, ['written'])
        .finally(() => {
          freeAtMs = performance.now() + pauseMs;
        });
      size.held(to - from, heldMs);
      // An empty answer means that nothing is left to write, so go on if other programs changed all of these.
      if (names.length > 0 || isLast) return names;
      from = to;
    }
  };
  return {
    location: address.location,
    read: (host, only) => {
      const untilMs = performance.now() + answerWithinMs;
      return serially(async () => {
        if (only === null) return readHost(host, untilMs);
        if (only.length === 0) return [];
        const names = [...new Set(only)];
        return (await asker.ask({ kind: 'rows', host, names }, untilMs, ['rows'])).rows.map(rowOf);
      });
    },
    write: (host, changes) => {
      const untilMs = performance.now() + answerWithinMs;
      return serially(() => write(host, changes, untilMs));
    },
    close: () => serially(() => asker.close()),
  };
}

/** Reads a host, of which only the rows that differ from `before` are sent. */
async function readChanges(asker: Asker, host: string, before: Kept | null, untilMs: number): Promise<Kept> {
  const known = before?.version ?? null;
  const first = await asker.ask({ kind: 'host', host, known }, untilMs, ['unchanged', 'changed']);
  if (first.kind === 'unchanged') {
    if (before === null) throw new Error('the thread answered "unchanged" to a first question');
    return before;
  }
  const byName = new Map(first.isWhole || before === null ? [] : before.byName);
  for (const name of first.removed) byName.delete(name);
  const take = (rows: readonly Values[]): void => {
    for (const row of rows) byName.set(row[0], rowOf(row));
  };
  take(first.rows);
  for (let { hasMore } = first; hasMore; ) {
    const more = await asker.ask({ kind: 'more' }, untilMs, ['more']);
    take(more.rows);
    hasMore = more.hasMore;
  }
  return { host, start: asker.starts, version: first.version, byName, rows: [...byName.values()] };
}
