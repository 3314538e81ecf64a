import type { TimedTransition } from './plan/change.ts';
import type { FleetState } from './state.ts';

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A period in one state; null: the host was not monitored, or the decky was not recorded. */
export interface Stretch extends Span {
  readonly state: FleetState | null;
}

/**
 * The states of a decky over a window of time. Time that was not monitored is unknown, not up.
 * @param transitions oldest first; the last one before the window gives the state at its beginning
 * @param gaps periods without a full pass of the host
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
  const sorted = [...transitions].sort((a, b) => a.at - b.at);
  let next = 0;
  let current: FleetState | null = null;
  const found: Stretch[] = [];
  for (const [index, from] of cuts.entries()) {
    const to = cuts[index + 1] ?? window.to;
    if (to <= from) continue;
    for (let change = sorted[next]; change !== undefined && change.at <= from; change = sorted[next]) {
      current = change.to;
      next += 1;
    }
    const isUnknown = gaps.some((gap) => gap.from <= from && gap.to >= to);
    const state = isUnknown ? null : current;
    const last = found.at(-1);
    if (last !== undefined && last.state === state) found[found.length - 1] = { ...last, to };
    else found.push({ from, to, state });
  }
  return found;
}

export interface Availability {
  /** The share of the known time in which the decky was running, 0 to 1; null: no time is known. */
  readonly share: number | null;
  /** Milliseconds in the state `running`. */
  readonly runningMs: number;
  /** Milliseconds in which the decky was monitored. */
  readonly knownMs: number;
}

/** The availability of a decky over the time in which it was monitored. */
export function availabilityOf(stretches: readonly Stretch[]): Availability {
  const sum = (of: readonly Stretch[]): number => of.reduce((total, { from, to }) => total + to - from, 0);
  const knownMs = sum(stretches.filter(({ state }) => state !== null));
  const runningMs = sum(stretches.filter(({ state }) => state === 'running'));
  return { share: knownMs === 0 ? null : runningMs / knownMs, runningMs, knownMs };
}
