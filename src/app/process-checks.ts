import { reasonOf } from '../lib/errors.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { Check } from '../service-manager/service.ts';

/** Checks whether jobs wait in a queue although no process runs one. A queue that is paused on purpose is in order. */
export const queueCheck =
  (backend: Pick<QueueBackend, 'impatientQueue' | 'location'>, name: string): Check =>
  async () => {
    const queue = backend.impatientQueue(name);
    const [isPaused, counts] = await Promise.all([
      queue.isPaused(),
      queue.getJobCounts('waiting', 'active', 'prioritized'),
    ]).catch((error: unknown) => {
      throw new Error(`${backend.location}: ${reasonOf(error)}`);
    });
    const { waiting = 0, active = 0, prioritized = 0 } = counts;
    return { waits: !isPaused && active === 0 && waiting + prioritized > 0 };
  };

/** Milliseconds for an answer of the pages. */
const answerWithinMs = 5000;

/** Checks whether the pages of this process answer. @param address where they listen */
export const pagesCheck =
  (address: string): Check =>
  async () => {
    const answer = await fetch(new URL('/healthz', address), {
      signal: AbortSignal.timeout(answerWithinMs),
    }).catch(() => null);
    return { silent: answer?.ok !== true };
  };
