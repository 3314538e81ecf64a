import type { JobData } from '../fleet/job.ts';

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
}

/** What a worker is configured with, and when its job was enqueued, epoch milliseconds. */
export interface PassSettings {
  readonly graceSeconds: number;
  readonly rolloutSeconds: number;
  readonly enqueuedAt?: number | undefined;
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
  };
}
