import { UnrecoverableError } from 'bullmq';
import { type JobData, type JobResult, parseJobData } from '../src/fleet/job.ts';
import { reasonOf } from '../src/lib/errors.ts';
import { printable, shortened } from '../src/lib/text.ts';
import { type PassOutcome, type Ports, pass } from '../src/pass/pass.ts';

export { type JobData, type JobResult, parseJobData } from '../src/fleet/job.ts';

/** What the processor needs of a BullMQ job. */
export interface ReconcileJob {
  readonly id?: string | undefined;
  readonly data: unknown;
  /** When it was enqueued, epoch milliseconds. */
  readonly timestamp?: number | undefined;
}

export interface ProcessorOptions {
  readonly host: string;
  readonly ports: Ports;
  readonly graceSeconds: number;
  /** Told of every pass that had its turn. */
  readonly onPass?: (data: JobData, outcome: PassOutcome) => void;
}

/** A job that was added by hand may have any id: the history keeps so much of it. */
const jobIdOf = ({ id = '' }: ReconcileJob): string => shortened(printable(id), 200);

/**
 * The processor of queue `reconcile.<host>`: checks the job's data, runs one pass, returns its result.
 * What it throws is the job's `failedReason`, in one line; the next pass is its retry, so BullMQ makes none.
 */
export function reconcileProcessor({ host, ports, graceSeconds, onPass }: ProcessorOptions) {
  return async (job: ReconcileJob): Promise<JobResult> => {
    try {
      const data = parseJobData(job.data, host);
      const outcome = await pass(data, jobIdOf(job), ports, { graceSeconds, enqueuedAt: job.timestamp });
      onPass?.(data, outcome);
      if (outcome.failure !== null) throw outcome.failure;
      return outcome.result;
    } catch (error) {
      throw new UnrecoverableError(reasonOf(error));
    }
  };
}
