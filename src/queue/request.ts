import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { type JobData, type JobResult, jobName, queueName } from '../fleet/job.ts';
import { parseJobResult } from '../fleet/job-result.ts';
import { FleetError, reasonOf } from '../lib/errors.ts';
import { withinLimit } from '../lib/within-limit.ts';
import type { QueueBackend } from './backend.ts';
import { queueFault } from './fault.ts';
import { TooLarge } from './measured-read.ts';
import { isQueuePaused } from './pause.ts';

/**
 * Whether a worker consumes this host's queue. False for a user without the permission to list clients (a granted user on
 * Redis): starting a second worker does no harm.
 * @throws FleetError QUEUE_UNREACHABLE
 */
export const isWorkerRunning = async (backend: QueueBackend, host: string): Promise<boolean> =>
  (await isWorkerConnected(backend, host)) === true;

/** The same; null: this user of Redis may not see workers, as that of a worker. */
export const isWorkerConnected = (backend: QueueBackend, host: string): Promise<boolean | null> =>
  backend.answer(async () => {
    try {
      return (await backend.countWorkers(queueName(host))) > 0;
    } catch (error) {
      if (reasonOf(error).includes('NOPERM')) return null;
      throw error;
    }
  });

/**
 * Enqueues one pass on a host's queue and waits for its result.
 * @param options.forget removes the finished job, so that requests by pages do not displace the passes that the queue keeps
 * @throws FleetError JOB_FAILED, JOB_TIMED_OUT, QUEUE_UNREACHABLE
 */
export async function requestPass(
  backend: QueueBackend,
  data: JobData,
  timeoutMs: number,
  options: { forget?: boolean } = {},
): Promise<JobResult> {
  const queue = backend.queue(queueName(data.host_uuid));
  const job = await backend.answer(() => queue.add(jobName, data));
  try {
    return await outcome(backend, job, data.host_uuid, timeoutMs);
  } finally {
    // Not with removeOnComplete: the result would be lost.
    if (options.forget) await withinLimit(() => job.remove()).catch(() => undefined);
  }
}

/** Milliseconds between two reads of the job: an eighth of the time that it has taken, within these limits. */
const pollMs = { least: 5, max: 250 };

/**
 * Waits for the result of a job by reading it. BullMQ's events are not used: they hold what the worker answered, and no limit
 * could be set on that; and `waitUntilFinished` rejects a promise that cannot be handled during an outage.
 */
async function outcome(backend: QueueBackend, job: Job, host: string, timeoutMs: number): Promise<JobResult> {
  const { id = '' } = job;
  const began = performance.now();
  const queue = backend.awaitedQueue(job.queueName);
  while (true) {
    let fault: unknown = null;
    let found: Job | undefined;
    try {
      found = await withinLimit(() => queue.getJob(id));
    } catch (error) {
      if (error instanceof TooLarge)
        throw new FleetError('JOB_FAILED', `The answer of host ${host} is not read: ${error.message}`);
      fault = error;
    }
    if (found?.finishedOn !== undefined) {
      // BullMQ sets a reason only for failed jobs.
      if (found.failedReason) throw new FleetError('JOB_FAILED', reasonOf(new Error(found.failedReason)));
      return parseJobResult(found.returnvalue, host);
    }
    const passedMs = performance.now() - began;
    if (passedMs >= timeoutMs)
      throw fault === null
        ? await abandon(backend, job, host, timeoutMs)
        : queueFault(backend.location, fault);
    await sleep(Math.min(timeoutMs - passedMs, Math.max(pollMs.least, Math.min(pollMs.max, passedMs / 8))));
  }
}

/** Removes a job that no worker has taken in time: it must not run later. @returns the error to report */
async function abandon(
  backend: QueueBackend,
  job: Job,
  host: string,
  timeoutMs: number,
): Promise<FleetError> {
  const seconds = Math.round(timeoutMs / 1000);
  const isPaused = await isQueuePaused(backend, host).catch(() => false);
  try {
    await withinLimit(() => job.remove());
    if (isPaused)
      return new FleetError(
        'JOB_TIMED_OUT',
        `The queue of host ${host} is paused: no job ran within ${seconds} s`,
        {
          advice: `The job was removed. \`decnet-fleet hosts\` says who paused it; to resume it: decnet-fleet resume ${host}`,
        },
      );
    return new FleetError('JOB_TIMED_OUT', `No worker of host ${host} took the job within ${seconds} s`, {
      advice: `The job was removed. Check that the host's worker is running; \`decnet-fleet hosts\` shows its last pass`,
    });
  } catch {
    return new FleetError('JOB_TIMED_OUT', `The pass of host ${host} is still running after ${seconds} s`, {
      advice: 'It continues; use --timeout to wait longer',
    });
  }
}
