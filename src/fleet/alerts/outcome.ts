import { type Alert, type DeckySubject, flapping, isDown, isNotified, removed } from './alert.ts';

/** Milliseconds in which changes are counted, and after which a flapping alert without changes is stable again. */
export const flappingWindowMs = 10 * 60 * 1000;
export const stableAfterMs = 5 * 60 * 1000;
/** An alert with more changes than this within the window is flapping. */
export const flappingAfter = 3;

/** What is done about an alert. `none`: nothing now; `unannounced`: its state is noted, without a message. */
export type AlertOutcome = 'none' | 'unannounced' | 'flapping' | 'down' | 'up' | 'removed' | 'host';

export function outcomeOf(alert: Alert, now: number): AlertOutcome {
  const { subject, changedAt, recent } = alert;
  const isFlapping = subject.notified === flapping;
  if (isFlapping && now - changedAt < stableAfterMs) return 'none';
  const changes = recent.filter((at) => now - at < flappingWindowMs).length;
  if (!isFlapping && changes > flappingAfter) return 'flapping';
  if (isNotified(alert)) return 'none';
  return subject.kind === 'host' ? 'host' : deckyOutcome(subject);
}

function deckyOutcome({ state, notified }: DeckySubject): AlertOutcome {
  if (isDown(state)) return 'down';
  if (state === 'running') return 'up';
  // Without a notification that it is down, its removal needs none either.
  if (state === removed && notified !== 'running') return 'removed';
  return 'unannounced';
}
