import type { Pauses, PauseTerms, RecordedPause } from '../pass/pauses.ts';
import type { QueueBackend } from '../queue/backend.ts';
import { enqueueFirstPass, isQueuePaused, pauseQueue, resumeQueue } from '../queue/pause.ts';

export { passEnds } from '../queue/pause.ts';

export interface PauseStores {
  readonly pauses: Pauses;
  readonly backend: Pick<QueueBackend, 'impatientQueue' | 'location'>;
}

/**
 * Pauses a host: first the record, then its queue. @returns null: no worker has registered the host
 * @throws FleetError QUEUE_UNREACHABLE, before anything is changed
 */
export async function pauseHost(
  stores: PauseStores,
  host: string,
  terms: PauseTerms,
): Promise<RecordedPause | null> {
  await isQueuePaused(stores.backend, host);
  const recorded = await stores.pauses.begin(host, terms);
  if (recorded !== null) await pauseAsRecorded(stores, host);
  return recorded;
}

/** Pauses the queue of a host, unless the record of its pause has ended meanwhile. */
export async function pauseAsRecorded({ pauses, backend }: PauseStores, host: string): Promise<void> {
  await pauseQueue(backend, host);
  if (!(await pauses.isPaused(host))) await resumeQueue(backend, host);
}

/**
 * Resumes a host, whoever paused it. The record ends first: otherwise another process could pause the queue again.
 * @throws FleetError QUEUE_UNREACHABLE, before anything is changed
 */
export async function resumeHost(
  { pauses, backend }: PauseStores,
  host: string,
): Promise<{ wasQueuePaused: boolean; ended: RecordedPause | null }> {
  const wasQueuePaused = await isQueuePaused(backend, host);
  const ended = await pauses.end(host);
  await resumeQueue(backend, host);
  if (wasQueuePaused || ended !== null) await enqueueFirstPass(backend, host);
  return { wasQueuePaused, ended };
}
