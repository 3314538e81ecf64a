import { graceEnd, isLeft } from '../plan/grace.ts';
import type { LeftEntry } from '../plan/memory.ts';
import { graceAllows, isFleetState } from '../state.ts';
import { contentFor, type OurRow, type RowComparer } from './content.ts';
import type { DecnetChanges, DecnetRow } from './row.ts';
import { timeText } from './times.ts';

/** Both tables of one host after a pass has planned, and what earlier passes know. Times are epoch milliseconds. */
export interface DecnetFacts {
  readonly now: number;
  readonly graceSeconds: number;
  /** DECNET's rows in scope. */
  readonly theirs: ReadonlyMap<string, DecnetRow>;
  /** The rows that are left to their writer. @see Memory */
  readonly left: ReadonlyMap<string, LeftEntry>;
  /** Its rows that stay although ours has none. @see Plan */
  readonly keptStrangers: ReadonlySet<string>;
  /** When a row of its was first missed that neither it nor we should lack: DECNET deleted it. */
  readonly gone: ReadonlyMap<string, number>;
  readonly comparer: RowComparer;
}

export interface DecnetPlan {
  readonly changes: DecnetChanges;
  /** The rows that DECNET deleted and that are not inserted yet. */
  readonly missing: readonly string[];
  /** The deckies to check again, and in how many milliseconds. */
  readonly requeueAfterMs: ReadonlyMap<string, number>;
}

/** Decides what DECNET's table must take over from ours, row by row: first those of ours, then the rest of its own. */
export class DecnetPlanner {
  readonly #facts: DecnetFacts;
  readonly #inserts: DecnetRow[] = [];
  readonly #updates: { was: DecnetRow; row: DecnetRow }[] = [];
  readonly #deletes: DecnetRow[] = [];
  readonly #missing: string[] = [];
  readonly #requeueAfterMs = new Map<string, number>();

  constructor(facts: DecnetFacts) {
    this.#facts = facts;
  }

  decideOurs(ours: OurRow): void {
    const theirs = this.#facts.theirs.get(ours.name);
    if (theirs === undefined) this.#decideMissing(ours);
    else this.#decideBoth(ours, theirs);
  }

  /** Decides about a row that ours has not. */
  decideStranger(theirs: DecnetRow): void {
    const { left, keptStrangers } = this.#facts;
    if (this.#isLeft(left.get(theirs.name))) this.#again(theirs.name, left.get(theirs.name));
    else if (!keptStrangers.has(theirs.name)) this.#deletes.push(theirs);
  }

  finish(): DecnetPlan {
    return {
      changes: { inserts: this.#inserts, updates: this.#updates, deletes: this.#deletes },
      missing: this.#missing,
      requeueAfterMs: this.#requeueAfterMs,
    };
  }

  #decideMissing(ours: OurRow): void {
    const { gone, now, graceSeconds } = this.#facts;
    const since = gone.get(ours.name);
    if (since === undefined || now - since >= graceSeconds * 1000) {
      this.#inserts.push({ name: ours.name, ...contentFor(ours, null), ...stateFor(ours) });
      return;
    }
    this.#missing.push(ours.name);
    this.#requeueAfterMs.set(ours.name, since + graceSeconds * 1000 - now);
  }

  #decideBoth(ours: OurRow, theirs: DecnetRow): void {
    const agrees = this.#facts.comparer.compare(ours, theirs);
    if (agrees.state && agrees.content) return;
    const entry = this.#facts.left.get(ours.name);
    if (!this.#isLeft(entry)) {
      this.#updates.push({
        was: theirs,
        row: { name: ours.name, ...contentFor(ours, theirs), ...stateFor(ours) },
      });
      return;
    }
    this.#again(ours.name, entry);
    // Its content is left to DECNET, and its state as in our table. @see CONTRACT.md, rule 4
    if (!agrees.state && mayChangeState(theirs, ours, entry?.ran === true))
      this.#updates.push({ was: theirs, row: { ...theirs, ...stateFor(ours) } });
  }

  #isLeft(entry: LeftEntry | undefined): boolean {
    const { now, graceSeconds } = this.#facts;
    return entry !== undefined && isLeft(entry, now, graceSeconds);
  }

  #again(name: string, entry: LeftEntry | undefined): void {
    const { now, graceSeconds } = this.#facts;
    if (entry !== undefined) this.#requeueAfterMs.set(name, Math.max(0, graceEnd(entry, graceSeconds) - now));
  }
}

const mayChangeState = (theirs: DecnetRow, ours: OurRow, ran: boolean): boolean =>
  graceAllows({ from: isFleetState(theirs.state) ? theirs.state : 'pending', to: ours.state, ran });

/** The other columns. `updated_at` is that of our row, by which we know later that we wrote this one. */
const stateFor = (ours: OurRow): Pick<DecnetRow, 'state' | 'lastError' | 'lastSeen' | 'updatedAt'> => ({
  state: ours.state,
  lastError: ours.lastError,
  lastSeen: ours.lastSeenUs === null ? null : timeText(ours.lastSeenUs),
  updatedAt: timeText(ours.updatedUs),
});
