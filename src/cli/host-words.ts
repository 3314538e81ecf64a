import { severity } from '../fleet/state-styles.ts';
import { ageOf } from '../lib/age.ts';
import type { HostView } from '../views/report.ts';
import { ago, countOf, paint, type Screen, stateText } from './text.ts';

/** `8 s ago`, or how stale the host is, or that its worker is stopped or its passes are paused. */
export function freshness(
  screen: Screen,
  { stale, last_full_pass_at: at, interval_s, stopped, paused }: HostView,
): string {
  if (at === null) return paint(screen, 'yellow', 'never');
  if (stopped !== null) return paint(screen, 'yellow', `${ago(at)}: stopped`);
  if (paused !== null) return paint(screen, 'yellow', `${ago(at)}: paused`);
  if (!stale) return ago(at);
  const ms = Date.now() - Date.parse(at);
  const intervals = Math.floor(ms / (interval_s * 1000));
  return paint(screen, 'yellow', `${ageOf(ms)} ago, ${countOf(intervals, 'interval')}: stale`);
}

/** `2 failed, 40 running`; worst first. */
export function statesText(screen: Screen, { states, stale }: HostView): string {
  const parts = severity.flatMap((state) => {
    const count = states[state] ?? 0;
    return count === 0 ? [] : [`${count} ${stateText(screen, state, stale)}`];
  });
  return parts.length === 0 ? 'none' : parts.join(', ') + (stale ? ' (last known)' : '');
}
