import type { Cause } from '../plan/cause.ts';
import type { Transition } from '../plan/change.ts';
import type { Memory } from '../plan/memory.ts';
import type { FleetState } from '../state.ts';

/** In place of a state: the last notification said that it keeps changing. */
export const flapping = 'flapping';

/**
 * The state of something now, and the state of which the receiver was notified last. Level-triggered: whatever happened in
 * between, a message is about the difference. Times are epoch milliseconds of the database's clock.
 */
interface AlertOf<T> {
  readonly host: string;
  readonly subject: T;
  readonly reason: string | null;
  /** Since when it is in this state. */
  readonly since: number;
  readonly changedAt: number;
  /** The newest changes. */
  readonly recent: readonly number[];
}

export interface DeckySubject {
  readonly kind: 'decky';
  readonly name: string;
  /** A state of `fleet_deckies`, or `removed`. A worker that was taken over may write any other text. */
  readonly state: string;
  /** The state of the last notification, or `flapping`. */
  readonly notified: string;
  /** Null where it runs, and in rows of older versions. */
  readonly cause: Cause | null;
}

/** What can be wrong with a host: it is stale, or its Docker does not answer. */
export const hostFaults = ['stale', 'unreachable'] as const;
export type HostFault = (typeof hostFaults)[number];

export interface HostSubject {
  readonly kind: 'host';
  readonly faults: ReadonlySet<HostFault>;
  /** The faults of the last notification. */
  readonly notified: ReadonlySet<HostFault> | typeof flapping;
}

export type DeckyAlert = AlertOf<DeckySubject>;
export type HostAlert = AlertOf<HostSubject>;
export type Alert = DeckyAlert | HostAlert;

export const isAboutDecky = (alert: Alert): alert is DeckyAlert => alert.subject.kind === 'decky';

/** Whether the last notification was about the state now. */
export const isNotified = ({ subject }: Alert): boolean =>
  subject.kind === 'decky'
    ? subject.state === subject.notified
    : subject.notified !== flapping && subject.faults.symmetricDifference(subject.notified).size === 0;

/** A host's state as messages and rows have it: `ok`, or its faults. */
export const hostState = (faults: ReadonlySet<HostFault>): string =>
  hostFaults.filter((fault) => faults.has(fault)).join(' ') || 'ok';

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
