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
  /** Adds a line to its log. */
  log?(line: string): Promise<unknown>;
}

/** The most changes in the log of a job. The table `fleet_transitions` has all of them. */
const maxLogged = 100;

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

/** A line for each change, as Bull Board shows them. The pass is committed: a store that is away must not make it fail. */
async function logChanges(job: ReconcileJob, { transitions }: PassOutcome): Promise<void> {
  const lines = transitions.slice(0, maxLogged).map(changeLine);
  if (transitions.length > maxLogged) lines.push(`and ${transitions.length - maxLogged} more`);
  await Promise.all(lines.map((line) => job.log?.(line))).catch(() => undefined);
}

const changeLine = ({ name, from, to, reason }: PassOutcome['transitions'][number]): string =>
  `${name}: ${from ?? 'new'} → ${to ?? 'deleted'}: ${printable(reason)}`;

/**
 * The processor of queue `reconcile.<host>`: checks the job's data, runs one pass, returns its result.
 * Its errors become the job's `failedReason`, in one line. BullMQ does not retry, since the next pass does the same work.
 */
export function reconcileProcessor({ host, ports, onPass, ...settings }: ProcessorOptions) {
  return async (job: ReconcileJob, _token?: string, signal?: AbortSignal): Promise<JobResult> => {
    try {
      const data = parseJobData(job.data, host);
      const outcome = await pass(data, jobIdOf(job), ports, {
        ...settings,
        enqueuedAt: job.timestamp,
        signal,
      });
      onPass?.(data, outcome);
      await logChanges(job, outcome);
      if (outcome.failure !== null) throw outcome.failure;
      return outcome.result;
    } catch (error) {
      throw new UnrecoverableError(reasonOf(error));
    }
  };
}
