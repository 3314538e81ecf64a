import type { Job, QueueEvents } from 'bullmq';
import { type JobData, type JobResult, jobName, queueName } from '../fleet/job.ts';
import { parseJobResult } from '../fleet/job-result.ts';
import { FleetError, reasonOf } from '../lib/errors.ts';
import { withinLimit } from '../lib/within-limit.ts';
import { type QueueBackend, queueFault } from './backend.ts';

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
      return await outcome(backend, job, events, data.host_uuid, timeout);
    } finally {
      // Not by BullMQ at its end: its result would be gone where the event is missed.
      if (options.forget) await withinLimit(() => job.remove()).catch(() => undefined);
    }
  } finally {
    await withinLimit(() => backend.release(events)).catch(() => undefined);
  }
}

/** Milliseconds between two looks at the job itself: an event may be missed, and a store may be away for a moment. */
const lookEveryMs = 2000;

/**
 * The result of a job. An event only says to look again. Not BullMQ's own `waitUntilFinished`: when the store goes away,
 * one of its promises is rejected where it cannot be handled.
 */
async function outcome(
  backend: QueueBackend,
  job: Job,
  events: QueueEvents,
  host: string,
  timeout: number,
): Promise<JobResult> {
  const { id = '' } = job;
  const until = performance.now() + timeout;
  const queue = backend.queue(job.queueName);
  while (true) {
    const left = until - performance.now();
    const end = nextEnd(events, id, Math.max(1, Math.min(lookEveryMs, left)));
    let fault: unknown = null;
    let found: Job | undefined;
    try {
      found = await withinLimit(() => queue.getJob(id));
    } catch (error) {
      fault = error;
    }
    if (found?.finishedOn !== undefined) {
      end.cancel();
      // BullMQ writes a reason for a failed job, and none for one that was done.
      if (found.failedReason) throw new FleetError('JOB_FAILED', reasonOf(new Error(found.failedReason)));
      return parseJobResult(found.returnvalue, host);
    }
    if (performance.now() >= until) {
      end.cancel();
      throw fault === null ? await abandon(job, host, timeout) : queueFault(backend.place, fault);
    }
    await end.come;
  }
}

/** Comes when the job has ended, as far as events tell, or after so many milliseconds. */
function nextEnd(events: QueueEvents, id: string, ms: number): { come: Promise<void>; cancel(): void } {
  let finish: () => void = () => undefined;
  const come = new Promise<void>((done) => {
    const timer = setTimeout(() => finish(), ms);
    const hear = ({ jobId }: { jobId: string }): void => {
      if (jobId === id) finish();
    };
    events.on('completed', hear);
    events.on('failed', hear);
    finish = () => {
      clearTimeout(timer);
      events.off('completed', hear);
      events.off('failed', hear);
      done();
    };
  });
  return { come, cancel: () => finish() };
}

/** No worker came in time: the job must not run later, when its result is no longer awaited. */
async function abandon(job: Job, host: string, timeout: number): Promise<FleetError> {
  const seconds = Math.round(timeout / 1000);
  try {
    await withinLimit(() => job.remove());
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
