import type { Cause } from '../plan/cause.ts';
import type { Transition } from '../plan/change.ts';
import type { Memory } from '../plan/memory.ts';
import type { FleetState } from '../state.ts';

/**
 * A row of `fleet_alarms`: the state of something now, and the state of which the receiver was notified last.
 * Level-triggered: whatever happened in between, a message is about the difference. Times are epoch milliseconds of the
 * database's clock.
 */
export interface Alert {
  readonly host: string;
  /** Of a decky; empty: the host itself. */
  readonly name: string;
  /** A decky's state or `removed`; of a host `ok`, or the words of what is wrong: `stale`, `unreachable`. */
  readonly state: string;
  /** The state of the last notification, or `flapping`. */
  readonly notified: string;
  readonly reason: string | null;
  /** Null where it runs, of a host, and in rows of older versions. */
  readonly cause: Cause | null;
  /** Since when it is in this state. */
  readonly since: number;
  readonly changedAt: number;
  /** The newest changes. */
  readonly recent: readonly number[];
}

/** The state of the alert of a decky whose row is gone. */
export const removed = 'removed';

const downStates: ReadonlySet<string> = new Set<FleetState>([
  'failed',
  'degraded',
  'torn_down',
  'teardown_failed',
]);

export const isDown = (state: string): boolean => downStates.has(state);

/** What a transition of a row does to its alert. An existing alert takes every update. */
export interface AlertUpdate {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  readonly cause: Cause | null;
  /** Whether it makes an alert where there is none; `if it ran`: when the decky ever ran, by its history. */
  readonly makes: 'alert' | 'if it ran' | 'none';
}

/**
 * The transitions that matter to alerts. A decky that never ran causes no alert: it is still being deployed.
 * @param memory of the pass: it knows whether a row that another program wrote was ever seen running
 */
export const alertUpdates = (transitions: readonly Transition[], memory: Memory): readonly AlertUpdate[] =>
  transitions.flatMap((transition) => alertUpdateOf(transition, memory) ?? []);

function alertUpdateOf({ name, from, to, reason, cause }: Transition, memory: Memory): AlertUpdate | null {
  if (from === to) return null;
  if (to === null) return { name, state: removed, reason, cause, makes: 'none' };
  if (to === 'running') return { name, state: to, reason, cause, makes: 'none' };
  if (!isDown(to)) return null;
  if (from === null) return { name, state: to, reason, cause, makes: 'none' };
  // Deployers write `running` before any container starts: that state is no observation.
  const ran = from === 'running' && memory.left.get(name)?.ran !== false;
  return { name, state: to, reason, cause, makes: ran ? 'alert' : 'if it ran' };
}
