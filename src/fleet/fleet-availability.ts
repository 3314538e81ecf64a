import type { Span } from './availability.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** The windows that are offered, each in equal parts, which a drawing shows one by one. */
export const periods = {
  day: { ms: dayMs, parts: 24, partName: 'hour' },
  week: { ms: 7 * dayMs, parts: 28, partName: '6 hours' },
  month: { ms: 30 * dayMs, parts: 30, partName: 'day' },
} as const;
export type Period = keyof typeof periods;
export const periodNames = Object.keys(periods) as readonly Period[];

/** Milliseconds, summed over deckies: two deckies that run for a minute count as two minutes. */
export interface Sums {
  /** In the state `running`. */
  readonly runningMs: number;
  /** In any state, while their host was monitored. */
  readonly knownMs: number;
}

/** The share of the known time in which deckies were running, 0 to 1; null: no time is known. */
export const shareOf = ({ runningMs, knownMs }: Sums): number | null =>
  knownMs <= 0 ? null : Math.min(1, Math.max(0, runningMs / knownMs));

export const sumsOf = (some: readonly Sums[]): Sums => ({
  runningMs: some.reduce((sum, { runningMs }) => sum + runningMs, 0),
  knownMs: some.reduce((sum, { knownMs }) => sum + knownMs, 0),
});

/** Lowest share first, then what is unknown, then by name. */
export const worstFirst = <H extends Sums & { readonly host: string }>(hosts: readonly H[]): readonly H[] =>
  [...hosts].sort(
    (a, b) => (shareOf(a) ?? 2) - (shareOf(b) ?? 2) || a.host.localeCompare(b.host, 'en', { numeric: true }),
  );

/** The bounds of a part of a window. @param part from 0 */
export const partSpan = (window: Span, parts: number, part: number): Span => {
  const length = (window.to - window.from) / parts;
  return { from: window.from + part * length, to: window.from + (part + 1) * length };
};
