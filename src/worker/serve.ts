import type { Worker } from 'bullmq';
import { type ProcessorOptions, reconcileProcessor } from '../../jobs/reconcile.ts';
import { type JobData, queueName } from '../fleet/job.ts';
import type { Log } from '../lib/log.ts';
import type { PassOutcome } from '../pass/pass.ts';
import type { QueueBackend } from '../queue/backend.ts';
import { hostLog } from './host-log.ts';

export interface ServeOptions extends Omit<ProcessorOptions, 'onPass'> {
  readonly backend: Pick<QueueBackend, 'worker'>;
  readonly log: Log;
}

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
  const worker = options.backend.worker(
    queueName(host),
    reconcileProcessor({ host, ports, graceSeconds, rolloutSeconds, onPass }),
  );
  worker.on('active', ({ id, data }) => listener.began(id, data));
  worker.on('completed', ({ id }) => ended(id));
  worker.on('failed', (job, error) => {
    ended(job?.id);
    passLog.failed(error.message);
    listener.failed(error.message);
  });
  void worker.run().catch((error: unknown) => log.error({ host, error }, 'the worker stopped'));
  return worker;
}
