import { type Alert, isDown, removed } from './alert.ts';

/** Milliseconds in which changes are counted, and after which a flapping alert without changes is stable again. */
export const flappingWindowMs = 10 * 60 * 1000;
export const stableAfterMs = 5 * 60 * 1000;
/** An alert with more changes than this within the window is flapping. */
export const flappingAfter = 3;
/** In place of a state: the last notification said that it keeps changing. */
export const flapping = 'flapping';

/** What is done about an alert. `none`: nothing now; `unannounced`: its state is noted, without a message. */
export type AlertOutcome = 'none' | 'unannounced' | 'flapping' | 'down' | 'up' | 'removed' | 'host';

/** The first rule that holds wins. */
const rules: readonly { outcome: AlertOutcome; holds: (alert: Alert, now: number) => boolean }[] = [
  { outcome: 'none', holds: (a, now) => a.notified === flapping && now - a.changedAt < stableAfterMs },
  { outcome: 'flapping', holds: (a, now) => a.notified !== flapping && changesOf(a, now) > flappingAfter },
  { outcome: 'none', holds: (a) => a.notified === a.state },
  { outcome: 'host', holds: (a) => a.name === '' },
  { outcome: 'down', holds: (a) => isDown(a.state) },
  { outcome: 'up', holds: (a) => a.state === 'running' },
  // Without a notification that it is down, its removal needs none either.
  { outcome: 'removed', holds: (a) => a.state === removed && a.notified !== 'running' },
  { outcome: 'unannounced', holds: () => true },
];

export const outcomeOf = (alert: Alert, now: number): AlertOutcome =>
  rules.find(({ holds }) => holds(alert, now))?.outcome ?? 'none';

const changesOf = ({ recent }: Alert, now: number): number =>
  recent.filter((at) => now - at < flappingWindowMs).length;
