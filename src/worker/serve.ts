import { DelayedError, type Job, type Worker } from 'bullmq';
import { type ProcessorOptions, reconcileProcessor } from '../../jobs/reconcile.ts';
import { type JobData, type JobResult, queueName } from '../fleet/job.ts';
import { isObject } from '../lib/json.ts';
import type { Log } from '../lib/log.ts';
import type { PassOutcome } from '../pass/pass.ts';
import type { QueueBackend } from '../queue/backend.ts';
import { hostLog } from './host-log.ts';

export interface ServeOptions extends Omit<ProcessorOptions, 'onPass'> {
  readonly backend: Pick<QueueBackend, 'worker'>;
  readonly log: Log;
  /** Leaves all other jobs to another worker: this process must not write. */
  readonly onlyDryRuns?: boolean | undefined;
  /** Runs each pass, and so knows whether it ends. */
  readonly watched?: ((run: () => Promise<JobResult>) => Promise<JobResult>) | undefined;
}

type Run = (job: Job, token?: string, signal?: AbortSignal) => Promise<JobResult>;

/** Milliseconds for which a job is left alone that this worker must not run. */
const leftForMs = 5000;

export interface PassListener {
  began(id: string | undefined, data: unknown): void;
  /** Called after every pass that was applied; its job may still fail. */
  applied(data: JobData, outcome: PassOutcome): void;
  /** @param wasApplied whether the pass was applied, even if its job failed afterwards */
  ended(id: string, wasApplied: boolean): void;
  /** Called with the reason of every job that failed. */
  failed(reason: string): void;
}

/** Runs the jobs of one host's queue, one at a time. */
export function serveQueue(options: ServeOptions, listener: PassListener): Worker {
  const { host, ports, graceSeconds, rolloutSeconds, log } = options;
  const passLog = hostLog(host, log);
  /** The ids of the jobs whose passes were applied. */
  const wasApplied = new Set<string>();
  const ended = (id = ''): void => {
    listener.ended(id, wasApplied.has(id));
    wasApplied.delete(id);
  };
  const onPass = (data: JobData, outcome: PassOutcome): void => {
    passLog.passed(outcome);
    wasApplied.add(outcome.result.job_id);
    listener.applied(data, outcome);
  };
  const processor = reconcileProcessor({ host, ports, graceSeconds, rolloutSeconds, onPass });
  const { watched = (pass) => pass() } = options;
  // BullMQ gives a signal only to a processor with three parameters.
  const run: Run = (job, token, signal) => watched(() => processor(job, token, signal));
  const worker = options.backend.worker(
    queueName(host),
    options.onlyDryRuns === true ? onlyDryRuns(run) : run,
  );
  worker.on('active', ({ id, data }) => listener.began(id, data));
  worker.on('completed', ({ id }) => ended(id));
  worker.on('failed', (job, error) => {
    ended(job?.id);
    passLog.failed(error.message);
    listener.failed(error.message);
  });
  // Another worker runs the job again: two passes would only delay each other.
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id);
  });
  void worker.run().catch((error: unknown) => log.error({ host, error }, 'the worker stopped'));
  return worker;
}

/** A processor that returns every job but dry runs to the queue, where they wait a little. */
const onlyDryRuns =
  (run: Run): Run =>
  async (job, token, signal) => {
    if (isObject(job.data) && job.data.dry_run === true) return run(job, token, signal);
    await job.moveToDelayed(Date.now() + leftForMs, token);
    throw new DelayedError();
  };
