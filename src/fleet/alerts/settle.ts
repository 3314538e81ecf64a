import { type Alert, isAboutDecky, isDown } from './alert.ts';
import type { DueAlert } from './outcome.ts';

/** Milliseconds without another change after which a change is sent: a restart that comes back within them is no fault … */
export const settleAfterMs = 2000;
/** … and after which it is sent although more changes keep coming, counted from the first of them. */
export const settleWithinMs = 10_000;

/**
 * Milliseconds that a stop on request waits, counted from its first change. A base that ignores the signal needs Docker's
 * 10 s to stop, so that before it is over it is unknown whether Compose removes the decky or replaces it.
 */
export const requestSettlesAfterMs = 15_000;
/** Milliseconds: stops on request that began at most this much later than one that is sent are sent with it. */
const requestsTogetherMs = 2000;

/**
 * The alerts of one host that are sent now. Changes are sent together when the last of them has settled, so that one cause
 * is one message. A stop on request that waits holds up no other alert.
 * @param due the alerts of the host that need a message
 */
export function settled(due: readonly DueAlert[], now: number): readonly DueAlert[] {
  const stages = Map.groupBy(due, ({ alert }) => stageOf(alert, now));
  const { ready = [], joining = [] } = Object.fromEntries(stages);
  const isOverdue = ready.some(({ alert }) => now - alert.unsettledAt >= settleWithinMs);
  return ready.length > 0 && (isOverdue || !stages.has('changing')) ? [...ready, ...joining] : [];
}

/** `waiting`: a stop on request, which may still turn out to be a replacement; `joining`: it is sent when others are. */
function stageOf(alert: Alert, now: number): 'ready' | 'changing' | 'joining' | 'waiting' {
  const age = now - alert.unsettledAt;
  if (isOnRequest(alert)) {
    if (age >= requestSettlesAfterMs) return 'ready';
    return age >= requestSettlesAfterMs - requestsTogetherMs ? 'joining' : 'waiting';
  }
  return now - alert.changedAt >= settleAfterMs || age >= settleWithinMs ? 'ready' : 'changing';
}

/** Whether somebody stopped it, and not a deployment that failed: that one is over. */
const isOnRequest = (alert: Alert): boolean =>
  isAboutDecky(alert) &&
  isDown(alert.subject.state) &&
  alert.subject.cause?.endedBy === 'request' &&
  alert.subject.cause.deployment === undefined;
