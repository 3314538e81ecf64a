import { UnrecoverableError } from 'bullmq';
import { type JobData, type JobResult, parseJobData } from '../src/fleet/job.ts';
import { reasonOf } from '../src/lib/errors.ts';
import { printable, shortened } from '../src/lib/text.ts';
import { type PassOutcome, type Ports, pass } from '../src/pass/pass.ts';

export { type JobData, type JobResult, parseJobData } from '../src/fleet/job.ts';

/** The fields of a BullMQ job that the processor uses. */
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
  readonly rolloutSeconds: number;
  /** Called after each pass that completed its transaction. */
  readonly onPass?: (data: JobData, outcome: PassOutcome) => void;
}

/** The id for the history, at most 200 characters: a job that was added by another program may have any id. */
const jobIdOf = ({ id = '' }: ReconcileJob): string => shortened(printable(id), 200);

/**
 * The processor of queue `reconcile.<host>`: checks the job's data, runs one pass, returns its result.
 * Its errors become the job's `failedReason`, in one line. BullMQ does not retry, since the next pass does the same work.
 */
export function reconcileProcessor({ host, ports, onPass, ...settings }: ProcessorOptions) {
  return async (job: ReconcileJob): Promise<JobResult> => {
    try {
      const data = parseJobData(job.data, host);
      const outcome = await pass(data, jobIdOf(job), ports, { ...settings, enqueuedAt: job.timestamp });
      onPass?.(data, outcome);
      if (outcome.failure !== null) throw outcome.failure;
      return outcome.result;
    } catch (error) {
      throw new UnrecoverableError(reasonOf(error));
    }
  };
}
