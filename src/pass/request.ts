import type { JobData } from '../fleet/job.ts';

/** What one pass was asked to do. */
export interface PassRequest {
  readonly host: string;
  /** The deckies to look at; null: all. */
  readonly only: ReadonlySet<string> | null;
  /** Plan, and write nothing. */
  readonly dryRun: boolean;
  /** The job's id, for the history and the result. */
  readonly job: string;
  /** Seconds during which another program's row is left to it. */
  readonly graceSeconds: number;
  /** When it began, by this process's monotonic clock, milliseconds. */
  readonly startedMs: number;
  /** When the event that it answers was enqueued, epoch milliseconds; null: no event asked for it. */
  readonly eventAt: number | null;
}

/** @param settings.enqueuedAt when the job came onto its queue, epoch milliseconds */
export function passRequest(
  data: JobData,
  job: string,
  settings: { graceSeconds: number; enqueuedAt?: number | undefined },
): PassRequest {
  const isEvent = data.cause === 'docker' || data.cause === 'file';
  return {
    host: data.host_uuid,
    only: data.deckies === undefined ? null : new Set(data.deckies),
    dryRun: data.dry_run ?? false,
    job,
    graceSeconds: settings.graceSeconds,
    startedMs: performance.now(),
    eventAt: isEvent ? (settings.enqueuedAt ?? null) : null,
  };
}
