import type { Step, Truth, Truths } from '../../examples/day/day.ts';

/** Judges what was recorded during a day. Pure. Times are epoch milliseconds. */

/** A row as it was read; null: there was none. */
export interface RecordedRow {
  readonly state: string;
  readonly error: string | null;
  readonly services: readonly string[];
}

/** What a decky's row said from a time on. */
export interface Said {
  readonly at: number;
  readonly row: RecordedRow | null;
}

/** An action of a step that changed the truth. */
export interface Action {
  readonly step: string;
  readonly from: number;
  readonly to: number;
  readonly truths: Truths;
  readonly through: readonly Truth[];
}

/** An event of a container. */
export interface ContainerEvent {
  readonly at: number;
  readonly container: string;
}

export interface Message {
  readonly at: number;
  /** The kind, and the name of the decky if it is about one. */
  readonly text: string;
  /** All deckies that it names. */
  readonly names: readonly string[];
}

/** One step as it was played. It lasts until the next one begins. */
export interface Played {
  readonly step: Step;
  readonly from: number;
  readonly to: number;
}

export interface Recorded {
  readonly steps: readonly Played[];
  readonly actions: readonly Action[];
  readonly events: readonly ContainerEvent[];
  readonly said: ReadonlyMap<string, readonly Said[]>;
  readonly messages: readonly Message[];
}

export interface StepVerdict {
  readonly step: string;
  readonly before: string;
  /** Seconds during which the row of the worst decky differed from the truth. */
  readonly untruth: number;
  /** That decky, and what its row said last while it was wrong; null: none was wrong. */
  readonly wrong: string | null;
  /** Deckies whose rows were still wrong when another step changed them, or the day was over. */
  readonly left: readonly string[];
  readonly unwanted: readonly string[];
  readonly missing: readonly string[];
}

/** What may be said about a decky from a time on. */
interface Segment {
  readonly from: number;
  readonly accepted: readonly Truth[];
}

export function isTrue(row: RecordedRow | null, truth: Truth): boolean {
  if (row === null || truth.state === null) return row === null && truth.state === null;
  return (
    row.state === truth.state &&
    (truth.error === undefined || (row.error ?? '').includes(truth.error)) &&
    (truth.services === undefined || [...row.services].sort().join() === [...truth.services].sort().join())
  );
}

export function judge(recorded: Recorded): readonly StepVerdict[] {
  const names = [...new Set(recorded.actions.flatMap(({ truths }) => Object.keys(truths)))];
  const decks = names.map((name) => ({
    name,
    segments: segmentsOf(name, recorded),
    said: recorded.said.get(name) ?? [],
    steps: recorded.steps.filter(({ step }) =>
      recorded.actions.some((action) => action.step === step.name && name in action.truths),
    ),
  }));
  const messages = messagesByStep(recorded);
  const over = recorded.steps.at(-1)?.to ?? 0;
  return recorded.steps.map((played) => {
    const wrongs = decks
      .filter(({ steps }) => steps.includes(played))
      .map((decky) => {
        // What is still wrong later is the fault of the step that changed the decky.
        const next = decky.steps[decky.steps.indexOf(played) + 1];
        return untruthOf(decky, played.from, next?.from ?? over);
      });
    const worst = wrongs.reduce((a, b) => (b.ms > a.ms ? b : a), { name: '', ms: 0, said: '' });
    return {
      step: played.step.name,
      before: played.step.before,
      untruth: worst.ms / 1000,
      wrong: worst.ms > 0 ? `${worst.name}: ${worst.said}` : null,
      left: wrongs.filter(({ isWrongAtEnd }) => isWrongAtEnd).map(({ name, said }) => `${name}: ${said}`),
      ...(messages.get(played) ?? { unwanted: [], missing: [] }),
    };
  });
}

/** What may be said about a decky over the day. */
function segmentsOf(name: string, { actions, events }: Recorded): readonly Segment[] {
  const segments: Segment[] = [{ from: Number.NEGATIVE_INFINITY, accepted: [{ state: null }] }];
  // What a step says about later stands before what follows it.
  for (const { from, to, truths, through } of actions.toSorted((a, b) => a.from - b.from)) {
    const after = truths[name];
    if (after === undefined) continue;
    const own = events.filter(
      ({ at, container }) =>
        at >= from && at <= to && (container === name || container.startsWith(`${name}-`)),
    );
    const [first, last] = [own[0]?.at ?? from, own.at(-1)?.at ?? to];
    const before = segments.at(-1)?.accepted ?? [];
    segments.push(
      { from, accepted: [...before, ...through] },
      { from: first, accepted: [...before, ...through, after] },
      { from: last, accepted: [after] },
    );
  }
  return segments;
}

interface Decky {
  readonly name: string;
  readonly segments: readonly Segment[];
  readonly said: readonly Said[];
}

/** How long a row was wrong from one time to another, and what it said last while it was. */
function untruthOf(
  { name, segments, said }: Decky,
  from: number,
  to: number,
): { name: string; ms: number; said: string; isWrongAtEnd: boolean } {
  const times = [...segments.map((one) => one.from), ...said.map(({ at }) => at), from];
  const cuts = [...new Set(times)].filter((at) => at >= from && at < to).sort((a, b) => a - b);
  const spans = cuts.map((at, index) => {
    const row = said.findLast((one) => one.at <= at)?.row ?? null;
    const accepted = segments.findLast((one) => one.from <= at)?.accepted ?? [];
    const isWrong = !accepted.some((truth) => isTrue(row, truth));
    return { ms: isWrong ? (cuts[index + 1] ?? to) - at : 0, isWrong, row };
  });
  const last = spans.findLast(({ isWrong }) => isWrong);
  return {
    name,
    ms: spans.reduce((sum, { ms }) => sum + ms, 0),
    said: last === undefined ? '' : wordsOf(last.row),
    isWrongAtEnd: spans.at(-1)?.isWrong ?? false,
  };
}

export const wordsOf = (row: RecordedRow | null): string =>
  row === null ? 'no row' : `${row.state} ${row.error ?? ''} [${row.services.join(', ')}]`;

type StepMessages = Pick<StepVerdict, 'unwanted' | 'missing'>;

/** A message belongs to the step that wants it; another one to the last step that had begun when it came. */
function messagesByStep({ steps, messages }: Recorded): ReadonlyMap<Played, StepMessages> {
  const left = [...messages];
  const missing = new Map(
    steps.map((played) => [
      played,
      played.step.messages.filter((wanted) => {
        const at = left.findIndex((one) => one.text === wanted && one.at >= played.from);
        if (at !== -1) left.splice(at, 1);
        return at === -1;
      }),
    ]),
  );
  const stepOf = (at: number): Played | undefined => steps.findLast(({ from }) => from <= at) ?? steps[0];
  return new Map(
    steps.map((played) => [
      played,
      {
        unwanted: left
          .filter(({ at }) => stepOf(at) === played)
          .map(({ text, names }) => (names.length > 0 ? `${text} (${names.join(', ')})` : text)),
        missing: missing.get(played) ?? [],
      },
    ]),
  );
}
