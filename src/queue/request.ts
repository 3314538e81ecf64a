import type { Job, QueueEvents } from 'bullmq';
import { type JobData, type JobResult, jobName, queueName } from '../fleet/job.ts';
import { parseJobResult } from '../fleet/job-result.ts';
import { FleetError, reasonOf } from '../lib/errors.ts';
import { withinLimit } from '../lib/within-limit.ts';
import { type QueueBackend, queueFault } from './backend.ts';

/**
 * Whether a worker consumes this host's queue. False for a user without the permission to list clients (a granted user on
 * Redis): starting a second worker does no harm.
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
 * Enqueues one pass on a host's queue and waits for its result.
 * @param timeout milliseconds
 * @param options.forget removes the finished job, so that requests by pages do not displace the passes that the queue keeps
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
      // Not with removeOnComplete: the result would be lost when the event is missed.
      if (options.forget) await withinLimit(() => job.remove()).catch(() => undefined);
    }
  } finally {
    await withinLimit(() => backend.release(events)).catch(() => undefined);
  }
}

/** Milliseconds between two reads of the job: an event may be missed, and the store may be unreachable for a moment. */
const lookEveryMs = 2000;

/**
 * Waits for the result of a job. An event only triggers another read of the job. BullMQ's `waitUntilFinished` is not used:
 * during an outage it rejects a promise that cannot be handled.
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
      // BullMQ sets a reason only for failed jobs.
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

/** Resolves on an event that the job has ended, or after `ms` milliseconds. */
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

/** Removes a job that no worker has taken in time: it must not run later. @returns the error to report */
async function abandon(job: Job, host: string, timeout: number): Promise<FleetError> {
  const seconds = Math.round(timeout / 1000);
  try {
    await withinLimit(() => job.remove());
    return new FleetError('JOB_TIMED_OUT', `No worker of host ${host} took the job within ${seconds} s`, {
      advice: `The job was removed. Check that the host's worker is running; \`decnet-fleet hosts\` shows its last pass`,
    });
  } catch {
    return new FleetError('JOB_TIMED_OUT', `The pass of host ${host} is still running after ${seconds} s`, {
      advice: 'It continues; use --timeout to wait longer',
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
