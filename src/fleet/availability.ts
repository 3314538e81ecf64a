import type { TimedTransition } from './plan/change.ts';
import type { FleetState } from './state.ts';

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A stretch of time in one state; null: nobody looked, or the decky was not recorded. */
export interface Stretch extends Span {
  readonly state: FleetState | null;
}

/**
 * How a decky stood over a window of time. What nobody looked at is unknown, which is not up.
 * @param transitions oldest first; the last one before the window tells how it began
 * @param gaps times without a full pass of its host
 */
export function stretchesOf(
  transitions: readonly Pick<TimedTransition, 'at' | 'to'>[],
  gaps: readonly Span[],
  window: Span,
): readonly Stretch[] {
  const cuts = [
    window.from,
    ...transitions.map(({ at }) => at),
    ...gaps.flatMap(({ from, to }) => [from, to]),
    window.to,
  ]
    .filter((at) => at >= window.from && at <= window.to)
    .sort((a, b) => a - b);
  const moves = [...transitions].sort((a, b) => a.at - b.at);
  let moved = 0;
  let current: FleetState | null = null;
  const found: Stretch[] = [];
  for (const [index, from] of cuts.entries()) {
    const to = cuts[index + 1] ?? window.to;
    if (to <= from) continue;
    for (let move = moves[moved]; move !== undefined && move.at <= from; move = moves[moved]) {
      current = move.to;
      moved += 1;
    }
    const isUnseen = gaps.some((gap) => gap.from <= from && gap.to >= to);
    const state = isUnseen ? null : current;
    const last = found.at(-1);
    if (last !== undefined && last.state === state) found[found.length - 1] = { ...last, to };
    else found.push({ from, to, state });
  }
  return found;
}

export interface Availability {
  /** Of the time that is known, 0 to 1; null: nothing is known. */
  readonly share: number | null;
  /** Milliseconds. */
  readonly running: number;
  /** Milliseconds that somebody looked at. */
  readonly known: number;
}

/** How much of the time that somebody looked at a decky was running. */
export function availabilityOf(stretches: readonly Stretch[]): Availability {
  const sum = (of: readonly Stretch[]): number => of.reduce((total, { from, to }) => total + to - from, 0);
  const known = sum(stretches.filter(({ state }) => state !== null));
  const running = sum(stretches.filter(({ state }) => state === 'running'));
  return { share: known === 0 ? null : running / known, running, known };
}
