import type { OurRow } from '../fleet/decnet-table/content.ts';
import { RowComparer } from '../fleet/decnet-table/content.ts';
import { type DecnetPlan, DecnetPlanner } from '../fleet/decnet-table/decide.ts';
import {
  type DecnetMemory,
  decnetMemoryAfter,
  goneNow,
  noDecnetMemory,
  rivalIn,
} from '../fleet/decnet-table/memory.ts';
import { changesWithout, type DecnetChanges, type DecnetRow, namesIn } from '../fleet/decnet-table/row.ts';
import { aheadAfter, decnetWrites } from '../fleet/decnet-table/writes.ts';
import type { Plan, TimedTransition } from '../fleet/plan/change.ts';
import type { DecnetWrites, Row } from '../fleet/plan/facts.ts';
import { endsWithin } from '../lib/ends-within.ts';
import { reasonOf } from '../lib/errors.ts';
import { forEachInSlices } from '../lib/slices.ts';
import { printable, shortened } from '../lib/text.ts';
import { withinLimit } from '../lib/within-limit.ts';
import type { DecnetTable } from './decnet-table.ts';
import type { PassRequest } from './request.ts';

/** DECNET's rows of one pass, by name. */
export type DecnetRows = ReadonlyMap<string, DecnetRow>;

/** What a pass knows when it has planned. */
export interface DecnetPassFacts extends Pick<PassRequest, 'only' | 'graceSeconds'> {
  /** The database's clock, epoch milliseconds. */
  readonly now: number;
  readonly theirs: DecnetRows;
  readonly plan: Pick<Plan, 'memory' | 'keptStrangers'>;
  /** Our rows after the pass. */
  readonly rows: readonly OurRow[];
}

/** What DECNET's table needs. */
export interface DecnetWork extends DecnetPlan {
  readonly facts: DecnetPassFacts;
  readonly gone: ReadonlyMap<string, number>;
}

/** Milliseconds that a pass waits for the rows, and for its changes to be written; and the end for changes. */
const limitsMs = { read: 1000, write: 1000, close: 5000 };
/** Milliseconds after which a table that failed is tried again; each failure doubles it. */
const retryMs = { first: 1000, max: 30_000 };
/** Its only use is to see whether the table answers. */
const noDecky = '-';

/**
 * Keeps DECNET's own table of one host as ours. A failure never fails a pass: from then on no pass waits for the table, until
 * it has answered in the background.
 */
export class DecnetSync {
  readonly #table: DecnetTable;
  readonly #host: string;
  readonly #comparer = new RowComparer();
  #memory: DecnetMemory = noDecnetMemory;
  #aheadMs = 0;
  #failures = 0;
  #isAway = false;
  #reason: string | null = null;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #onBack: () => void = () => undefined;

  constructor(table: DecnetTable, host: string) {
    this.#table = table;
    this.#host = host;
  }

  /** Why the last attempt failed; null: it did not. */
  get reason(): string | null {
    return this.#reason;
  }

  /** @param onBack called when the table answers again */
  start(onBack: () => void): void {
    this.#onBack = onBack;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#onBack = () => undefined;
  }

  /** Reads the rows of a pass. Null: the table does not answer. */
  async read(only: PassRequest['only']): Promise<DecnetRows | null> {
    if (this.#isAway) return null;
    try {
      const rows = await withinLimit(() => this.#table.read(this.#host, only && [...only]), limitsMs.read);
      return new Map(rows.map((row) => [row.name, row]));
    } catch (error) {
      this.#failed(error);
      return null;
    }
  }

  /** What DECNET wrote lately. */
  writesIn(
    theirs: DecnetRows,
    facts: {
      readonly now: number;
      readonly graceSeconds: number;
      readonly recorded: readonly Row[];
      readonly isDeclared: (name: string) => boolean;
      readonly recentTransitions: readonly TimedTransition[];
    },
  ): DecnetWrites {
    const decnetNow = Date.now();
    this.#aheadMs = aheadAfter(this.#aheadMs, facts.now - decnetNow);
    const { written } = this.#memory;
    return decnetWrites({
      ...facts,
      theirs,
      decnetNow,
      aheadMs: this.#aheadMs,
      written,
      comparer: this.#comparer,
    });
  }

  async plan(facts: DecnetPassFacts): Promise<DecnetWork> {
    const { theirs, rows, only, now, graceSeconds, plan } = facts;
    const gone = goneNow(this.#memory, theirs, only, now);
    const { left } = plan.memory;
    const { keptStrangers } = plan;
    const planner = new DecnetPlanner({
      now,
      graceSeconds,
      theirs,
      left,
      keptStrangers,
      gone,
      comparer: this.#comparer,
    });
    const strangers = new Map(theirs);
    await forEachInSlices(rows, (row) => {
      strangers.delete(row.name);
      planner.decideOurs(row);
    });
    for (const row of strangers.values()) planner.decideStranger(row);
    return { ...planner.finish(), facts, gone };
  }

  /**
   * Writes what a pass has planned, and remembers it. It never rejects. What takes longer goes on while passes go on without the
   * table; then a full pass is asked for.
   * @returns the names that were not written
   */
  async write(work: DecnetWork): Promise<readonly string[]> {
    const names = new Set<string>();
    let hasFailed = false;
    this.#writing = this.#writeAll(work.changes, names)
      .then(
        () => this.#works(),
        (error: unknown) => {
          hasFailed = true;
          this.#failed(error);
        },
      )
      .then(() => this.#remember(work, names));
    const all = namesIn(work.changes);
    if (await endsWithin(limitsMs.write, this.#writing))
      return hasFailed ? [] : all.filter((name) => !names.has(name));
    this.#isAway = true;
    void this.#writing.then(() => {
      if (!hasFailed) this.#comeBack();
    });
    return [];
  }

  /** @see rivalIn */
  rival(now: number): string | null {
    return rivalIn(this.#memory, now);
  }

  /** Waits for what is being written. Its table is closed by who opened it. */
  async close(): Promise<void> {
    this.stop();
    await endsWithin(limitsMs.close, this.#writing);
  }

  /** @param names is given each name that was written */
  async #writeAll(changes: DecnetChanges, names: Set<string>): Promise<void> {
    for (let rest = changes; namesIn(rest).length > 0; ) {
      const some = await this.#table.write(this.#host, rest);
      if (some.length === 0) return;
      for (const name of some) names.add(name);
      rest = changesWithout(rest, names);
    }
  }

  #remember(work: DecnetWork, names: ReadonlySet<string>): void {
    const { gone, facts } = work;
    this.#memory = decnetMemoryAfter(this.#memory, { ...facts, gone, plan: work, names });
  }

  #works(): void {
    this.#failures = 0;
    this.#reason = null;
  }

  #failed(error: unknown): void {
    this.#reason = shortened(printable(reasonOf(error)));
    this.#isAway = true;
    const afterMs = Math.min(retryMs.max, retryMs.first * 2 ** this.#failures);
    this.#failures += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#tryAgain(), afterMs);
    this.#timer.unref();
  }

  async #tryAgain(): Promise<void> {
    try {
      await this.#table.read(this.#host, [noDecky]);
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#comeBack();
  }

  #comeBack(): void {
    this.#isAway = false;
    this.#onBack();
  }
}
