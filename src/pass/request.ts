import type { JobData } from '../fleet/job.ts';
import { FleetError } from '../lib/errors.ts';

/** The parameters of one pass. */
export interface PassRequest {
  readonly host: string;
  /** Only these deckies; null: all. */
  readonly only: ReadonlySet<string> | null;
  /** Plan, but write nothing. */
  readonly dryRun: boolean;
  /** The job's id, for the history and the result. */
  readonly job: string;
  /** Seconds for which a row that another program wrote is left to that program. */
  readonly graceSeconds: number;
  /** Seconds that a deployment may take before what is missing counts as down. */
  readonly rolloutSeconds: number;
  /** When the pass began, in milliseconds of this process's monotonic clock. */
  readonly startedMs: number;
  /** When the event that triggered the pass was enqueued, epoch milliseconds; null: no event triggered it. */
  readonly eventAt: number | null;
  /** @throws FleetError PASS_CONFLICT when another worker may run the same job, because its lock was lost */
  requireLock(): void;
}

/** What a worker is configured with, and what it knows of the job. */
export interface PassSettings {
  readonly graceSeconds: number;
  readonly rolloutSeconds: number;
  /** When the job was enqueued, epoch milliseconds. */
  readonly enqueuedAt?: number | undefined;
  /** Aborted when the lock of the job is lost. */
  readonly signal?: AbortSignal | undefined;
}

export function passRequest(data: JobData, job: string, settings: PassSettings): PassRequest {
  const isEvent = data.cause === 'docker' || data.cause === 'file';
  return {
    host: data.host_uuid,
    only: data.deckies === undefined ? null : new Set(data.deckies),
    dryRun: data.dry_run ?? false,
    job,
    graceSeconds: settings.graceSeconds,
    rolloutSeconds: settings.rolloutSeconds,
    startedMs: performance.now(),
    eventAt: isEvent ? (settings.enqueuedAt ?? null) : null,
    requireLock: () => {
      if (settings.signal?.aborted !== true) return;
      throw new FleetError('PASS_CONFLICT', `The lock of job ${job} was lost: it was not renewed in time`, {
        advice: 'Nothing was written; the job runs again',
      });
    },
  };
}
