import type { Job, QueueEvents } from 'bullmq';
import { FleetError, reasonOf } from '../errors.ts';
import { type JobData, type JobResult, jobName, queueName } from '../fleet/job.ts';
import { parseJobResult } from '../fleet/job-result.ts';
import { type QueueBackend, queueFault, withinLimit } from './backend.ts';

/**
 * Whether a worker lives that consumes this host's queue. A user who may not ask (a granted one on Redis) is told no:
 * a second worker does no harm.
 * @throws FleetError QUEUE_UNREACHABLE
 */
export const workerLives = (backend: QueueBackend, host: string): Promise<boolean> =>
  answered(backend, async () => {
    try {
      return (await backend.countWorkers(queueName(host))) > 0;
    } catch (error) {
      if (reasonOf(error).includes('NOPERM')) return false;
      throw error;
    }
  });

/**
 * Enqueues one pass on a host's queue and waits for its result; leaves nothing behind.
 * @param timeout milliseconds
 * @param options.forget the finished job is not kept: who only looks must not push out the passes that the queue keeps
 * @throws FleetError JOB_FAILED, JOB_TIMED_OUT, QUEUE_UNREACHABLE
 */
export async function requestPass(
  backend: QueueBackend,
  data: JobData,
  timeout: number,
  options: { forget?: boolean } = {},
): Promise<JobResult> {
  const queue = backend.queue(queueName(data.host_uuid));
  const events = backend.events(queueName(data.host_uuid));
  try {
    const job = await answered(backend, async () => {
      await events.waitUntilReady();
      return queue.add(jobName, data);
    });
    try {
      return await outcome(job, events, data.host_uuid, timeout);
    } finally {
      // Not by BullMQ at its end: its result would be gone where the event is missed.
      if (options.forget) await job.remove().catch(() => undefined);
    }
  } finally {
    await backend.release(events).catch(() => undefined);
  }
}

/** Milliseconds between two looks at the job itself: BullMQ may miss an event between two of its reads. */
const lookEvery = 2000;

async function outcome(job: Job, events: QueueEvents, host: string, timeout: number): Promise<JobResult> {
  const until = performance.now() + timeout;
  while (true) {
    const wait = Math.max(1, Math.min(lookEvery, until - performance.now()));
    try {
      // Looks at the job first, and only then waits for its event.
      return parseJobResult(await job.waitUntilFinished(events, wait), host);
    } catch (error) {
      if (error instanceof FleetError) throw error;
      const state = await job.getState().catch(() => 'unknown');
      const isMissed = reasonOf(error).includes('no finish notification');
      if (state === 'failed' && !isMissed) throw new FleetError('JOB_FAILED', reasonOf(error));
      const isFinished = state === 'failed' || state === 'completed';
      if (!isFinished && performance.now() >= until) throw await abandon(job, host, timeout);
    }
  }
}

/** Nobody came in time: the job must not stay behind and run when nobody waits for it any more. */
async function abandon(job: Job, host: string, timeout: number): Promise<FleetError> {
  const seconds = Math.round(timeout / 1000);
  try {
    await job.remove();
    return new FleetError('JOB_TIMED_OUT', `No worker of host ${host} took the job within ${seconds} s`, {
      advice: `The job was withdrawn. Is a worker of that host running? \`decnet-fleet hosts\` shows when it was last seen`,
    });
  } catch {
    return new FleetError('JOB_TIMED_OUT', `The pass of host ${host} is still running after ${seconds} s`, {
      advice: 'It goes on; wait longer with --timeout',
    });
  }
}

async function answered<T>(backend: QueueBackend, ask: () => Promise<T>): Promise<T> {
  try {
    return await withinLimit(ask);
  } catch (error) {
    throw queueFault(backend.place, error);
  }
}
