import type { Trigger } from '../worker/triggers.ts';
import type { EngineLimits } from './limits.ts';

/** Names of one container that wait to be looked at: it was renamed so often meanwhile. */
const mostNames = 32;

/**
 * Passes an event on when the engine's listings show it. The engine tells that a container died, or was paused, before
 * it updates what it lists from; an inspection waits for the container's lock, and thus for that update.
 *
 * Of more containers than may wait, none is remembered: after the time in which each would have been inspected,
 * everything is looked at.
 * @param inspect never rejects, and ends within `limits.askMs`
 */
export function settler(
  inspect: (id: string) => Promise<void>,
  look: (trigger: Trigger) => void,
  limits: Pick<EngineLimits, 'settleAtOnce' | 'settleWaiting' | 'askMs'>,
) {
  const inspecting = new Set<string>();
  /** What events said of containers whose inspection is still to begin. */
  const waiting = new Map<string, Trigger>();
  let timer: NodeJS.Timeout | undefined;
  let isForgottenAgain = false;

  const settle = async (id: string, trigger: Trigger): Promise<void> => {
    await inspect(id);
    look(trigger);
    inspecting.delete(id);
    next();
  };
  const next = (): void => {
    for (const [id, trigger] of waiting) {
      if (inspecting.size >= limits.settleAtOnce) return;
      // An inspection that began before an event tells nothing of it.
      if (inspecting.has(id)) continue;
      waiting.delete(id);
      inspecting.add(id);
      void settle(id, trigger);
    }
  };
  const forget = (): void => {
    waiting.clear();
    if (timer !== undefined) {
      isForgottenAgain = true;
      return;
    }
    timer = setTimeout(() => {
      timer = undefined;
      look({ kind: 'everything' });
      if (!isForgottenAgain) return;
      isForgottenAgain = false;
      forget();
    }, limits.askMs);
    timer.unref();
  };

  return {
    event: (id: string, trigger: Trigger): void => {
      const both = merged(waiting.get(id), trigger);
      if (both !== null) waiting.set(id, both);
      next();
      if (both === null || waiting.size > limits.settleWaiting) forget();
    },
    close: (): void => {
      waiting.clear();
      clearTimeout(timer);
    },
  };
}

/** Null: more than is remembered. */
function merged(before: Trigger | undefined, trigger: Trigger): Trigger | null {
  if (before?.kind !== 'containers' || trigger.kind !== 'containers') return trigger;
  const names = [...new Set([...before.names, ...trigger.names])];
  return names.length > mostNames ? null : { kind: 'containers', names };
}
