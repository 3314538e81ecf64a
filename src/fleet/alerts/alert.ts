import type { Cause } from '../plan/cause.ts';
import type { Change, Transition } from '../plan/change.ts';
import type { Memory } from '../plan/memory.ts';
import type { Observation } from '../plan/observed-state.ts';
import type { FleetState } from '../state.ts';

/** In location of a state: the last notification said that it keeps changing. */
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
  /** When the changes began that no notification was about yet: a quiet period of `settleAfterMs` ends them. */
  readonly unsettledAt: number;
  /** When the newest notifications were decided: not each change of the row, but those that outlived the settling. */
  readonly recent: readonly number[];
}

export interface DeckySubject {
  readonly kind: 'decky';
  readonly name: string;
  /** A state of `fleet_deckies`, or `removed`. A worker that was taken over may write any other text. */
  readonly state: string;
  /** The state of the last notification, or `flapping`; `pending`: none yet, and it never ran. */
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
  /** Its worker stopped on request and none has started since; null: it did not. `at`: epoch milliseconds. */
  readonly stopped: { readonly by: string | null; readonly at: number } | null;
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

export const downStates = [
  'failed',
  'degraded',
  'torn_down',
  'teardown_failed',
] as const satisfies readonly FleetState[];

export const isDown = (state: string): boolean => (downStates as readonly string[]).includes(state);

/** While a row is being deployed, nothing is due: what was notified stays. */
export const pending = 'pending';

/** What a change of a row does to its alert. */
export interface AlertUpdate {
  /** An alert takes every `state`, and a `reason` where it is in this state. */
  readonly kind: 'state' | 'reason';
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  readonly cause: Cause | null;
  /**
   * Whether it makes an alert where there is none: `if it ran`: when the decky ever ran, by its history; `always`: also
   * when it never ran, since its deployment failed.
   */
  readonly makes: 'alert' | 'if it ran' | 'always' | 'none';
}

/**
 * The transitions that matter to alerts. A decky that never ran causes no alert until its deployment has failed.
 * @param memory of the pass: it knows whether a row that another program wrote was ever seen running
 */
export const alertUpdates = (transitions: readonly Transition[], memory: Memory): readonly AlertUpdate[] =>
  transitions.flatMap((transition) => alertUpdateOf(transition, memory) ?? []);

function alertUpdateOf({ name, from, to, reason, cause }: Transition, memory: Memory): AlertUpdate | null {
  if (from === to) return null;
  const update = { kind: 'state', name, reason, cause } as const;
  if (to === null) return { ...update, state: removed, makes: 'none' };
  if (to === 'running' || to === pending) return { ...update, state: to, makes: 'none' };
  if (!isDown(to)) return null;
  // Deployers write `running` before any container starts: that state is no observation.
  if (from === 'running' && memory.left.get(name)?.ran !== false)
    return { ...update, state: to, makes: 'alert' };
  return { ...update, state: to, makes: makesOf(cause) ?? (from === null ? 'none' : 'if it ran') };
}

const makesOf = (cause: Cause | null): 'always' | null => (cause?.deployment === undefined ? null : 'always');

/** The changes that leave a row in its state, and give another reason for it. */
export const reasonUpdates = (changes: readonly Change[]): readonly AlertUpdate[] =>
  changes.flatMap(({ action, name, from, to, reason, lastError, cause }) => {
    if (to === null || from !== to || !isDown(to)) return [];
    const update = { kind: 'reason', name, state: to, cause, makes: makesOf(cause) ?? 'none' } as const;
    if (action === 'reason') return [{ ...update, reason }];
    // The reason of a change of content is about the content.
    return action === 'config' && lastError !== null ? [{ ...update, reason: lastError }] : [];
  });

/** What explains a state that was recorded before it was known: the engine stops its containers before it says that it stops. */
export const explanationUpdates = (observations: ReadonlyMap<string, Observation>): readonly AlertUpdate[] =>
  [...observations].flatMap(([name, { state, reason, cause }]) =>
    reason === null ? [] : [{ kind: 'reason', name, state, reason, cause, makes: 'none' } as const],
  );
