import { type Alert, type DeckySubject, flapping, isDown, isNotified, pending, removed } from './alert.ts';

/** Milliseconds in which notified changes are counted, and after which a flapping alert without changes is stable again. */
export const flappingWindowMs = 10 * 60 * 1000;
export const stableAfterMs = 5 * 60 * 1000;
/** An alert with more notified changes than this within the window is flapping, the one that is due included. */
export const flappingAfter = 3;

/**
 * What is done about an alert. `none`: nothing now; `unannounced`: its state is recorded, without a message; `deployment`: it
 * is down since its deployment failed.
 */
export type AlertOutcome =
  | 'none'
  | 'unannounced'
  | 'flapping'
  | 'deployment'
  | 'down'
  | 'up'
  | 'removed'
  | 'host';

/** An alert about which something is done. */
export interface DueAlert {
  readonly alert: Alert;
  readonly outcome: AlertOutcome;
}

export function outcomeOf(alert: Alert, now: number): AlertOutcome {
  const { subject, changedAt, recent } = alert;
  if (isNotified(alert)) return 'none';
  if (subject.kind === 'decky') {
    if (subject.state === pending) return 'none';
    // It is sent at once, whatever was before.
    if (isDown(subject.state) && subject.cause?.deployment !== undefined) return 'deployment';
  }
  const isFlapping = subject.notified === flapping;
  if (isFlapping && now - changedAt < stableAfterMs) return 'none';
  const outcome = subject.kind === 'host' ? 'host' : deckyOutcome(subject);
  if (isFlapping || outcome === 'unannounced') return outcome;
  const before = recent.filter((at) => now - at < flappingWindowMs).length;
  return before + 1 > flappingAfter ? 'flapping' : outcome;
}

function deckyOutcome({ state, notified }: DeckySubject): AlertOutcome {
  if (isDown(state)) return 'down';
  // Without a notification that it is down, its recovery and its removal need none either.
  const wasNotified = notified !== 'running' && notified !== pending;
  if (state === 'running') return wasNotified ? 'up' : 'unannounced';
  if (state === removed && wasNotified) return 'removed';
  return 'unannounced';
}
