import type { Trigger } from '../worker/triggers.ts';
import type { EngineLimits } from './limits.ts';

/** The maximum number of names that are kept for one waiting container; it gets one more with each rename. */
const maxNames = 32;

/**
 * Forwards an event when the engine's listings show its effect. The engine sends an event, for example that a container died,
 * before it updates its listings. An inspection waits for the container's lock, and so for that update.
 *
 * When too many containers wait, all are dropped, and everything is observed after the time limit of an inspection.
 * @param inspect never rejects, and ends within `limits.askMs`
 */
export function settler(
  inspect: (id: string) => Promise<void>,
  onTrigger: (trigger: Trigger) => void,
  limits: Pick<EngineLimits, 'settleConcurrency' | 'settleWaiting' | 'askMs'>,
) {
  const inspecting = new Set<string>();
  /** The triggers of containers whose inspection has not begun yet. */
  const waiting = new Map<string, Trigger>();
  let timer: NodeJS.Timeout | undefined;
  let isForgottenAgain = false;

  const settle = async (id: string, trigger: Trigger): Promise<void> => {
    await inspect(id);
    onTrigger(trigger);
    inspecting.delete(id);
    next();
  };
  const next = (): void => {
    for (const [id, trigger] of waiting) {
      if (inspecting.size >= limits.settleConcurrency) return;
      // An inspection that began before the event does not cover it.
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
      onTrigger({ kind: 'everything' });
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

/** Combines two triggers of one container; null: too many names. */
function merged(before: Trigger | undefined, trigger: Trigger): Trigger | null {
  if (before?.kind !== 'containers' || trigger.kind !== 'containers') return trigger;
  const names = [...new Set([...before.names, ...trigger.names])];
  return names.length > maxNames ? null : { kind: 'containers', names };
}
