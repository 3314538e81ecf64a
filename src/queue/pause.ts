import { setTimeout as sleep } from 'node:timers/promises';
import { jobName, queueName } from '../fleet/job.ts';
import type { QueueBackend } from './backend.ts';
import { queueFault } from './fault.ts';

type Backend = Pick<QueueBackend, 'impatientQueue' | 'location'>;

/** Milliseconds between two checks of the pass in progress. */
const pollEveryMs = 100;

/** Pauses a host's queue as Bull Board does: its worker takes no job, and jobs wait. @throws FleetError QUEUE_UNREACHABLE */
export const pauseQueue = (backend: Backend, host: string): Promise<void> =>
  asked(backend, host, (queue) => queue.pause());

/** @throws FleetError QUEUE_UNREACHABLE */
export const resumeQueue = (backend: Backend, host: string): Promise<void> =>
  asked(backend, host, (queue) => queue.resume());

/** @throws FleetError QUEUE_UNREACHABLE */
export const isQueuePaused = (backend: Backend, host: string): Promise<boolean> =>
  asked(backend, host, (queue) => queue.isPaused());

/** Enqueues the first pass after a pause, unless a scheduled one waits: without a scheduler none may. @throws FleetError QUEUE_UNREACHABLE */
export const enqueueFirstPass = (backend: Backend, host: string): Promise<unknown> =>
  asked(backend, host, (queue) =>
    queue.add(jobName, { host_uuid: host, cause: 'manual' }, { deduplication: { id: 'schedule' } }),
  );

/** Waits for the pass in progress: pausing a queue does not end it. @returns whether it has ended within the time */
export async function passEnds(backend: Backend, host: string, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while ((await asked(backend, host, (queue) => queue.getActiveCount())) > 0) {
    if (performance.now() > until) return false;
    await sleep(pollEveryMs);
  }
  return true;
}

async function asked<T>(
  backend: Backend,
  host: string,
  ask: (queue: ReturnType<QueueBackend['impatientQueue']>) => Promise<T>,
): Promise<T> {
  try {
    return await ask(backend.impatientQueue(queueName(host)));
  } catch (error) {
    throw queueFault(backend.location, error);
  }
}
