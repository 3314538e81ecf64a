import { FleetError } from '../lib/errors.ts';
import { isObject, type Json, type JsonObject } from '../lib/json.ts';
import { isLegalHost, isLegalName } from './decky.ts';
import type { Change, Counts, Held } from './plan/change.ts';

/** The queue that only this host's worker consumes. @see CONTRACT.md, "The queue" */
export const queueName = (host: string): string => `reconcile.${host}`;

/** The queue of the one repeatable job. @see CONTRACT.md, "The queue" */
export const scheduleQueue = 'schedule';

export const jobName = 'reconcile';

/** How the ids of scheduled passes begin: those of the schedule, and those that a worker enqueues without one. */
export const jobIdPrefix = { schedule: 's', worker: 'w' } as const;

export const causes = ['schedule', 'docker', 'file', 'start', 'manual'] as const;
export type Cause = (typeof causes)[number];

export interface JobData {
  readonly host_uuid: string;
  /** Only these deckies. */
  readonly deckies?: readonly string[];
  readonly dry_run?: boolean;
  readonly cause?: Cause;
}

/** One change as outsiders read it. */
export interface ReportedChange {
  readonly action: Change['action'];
  readonly name: string;
  readonly from_state: string | null;
  readonly to_state: string | null;
  readonly reason: string;
}

/** What a decky should be and what is seen of it, for one who looks at it alone. */
export interface DeckyView {
  readonly name: string;
  /** The file's object, secrets masked; null: not declared. */
  readonly desired: Json;
  /**
   * On its way alone: `desired` as text where it holds numbers that a store of jobs, or who reads it, would change.
   * @see parseJobResult
   */
  readonly desired_text?: string;
  /** Null: Docker did not answer, or nobody knows the decky. */
  readonly observed: {
    readonly state: string;
    readonly reason: string | null;
    readonly containers: readonly {
      readonly name: string;
      readonly service: string | null;
      readonly state: string;
      readonly exit_code: number | null;
      readonly unhealthy: boolean;
    }[];
  } | null;
}

export interface JobResult extends Counts {
  readonly host_uuid: string;
  readonly job_id: string;
  readonly held: number;
  readonly contested: readonly string[];
  readonly docker: 'ok' | 'unreachable';
  readonly duration_ms: number;
  readonly dry_run: boolean;
  /** Of a dry run. */
  readonly changes?: readonly ReportedChange[];
  readonly held_rows?: readonly Held[];
  /** Of a dry run that names deckies. */
  readonly deckies?: readonly DeckyView[];
}

const fields: { readonly [field in keyof Required<JobData>]: (value: Json) => boolean } = {
  host_uuid: (value) => typeof value === 'string' && isLegalHost(value),
  deckies: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((name: Json) => typeof name === 'string' && isLegalName(name)),
  dry_run: (value) => typeof value === 'boolean',
  cause: (value) => typeof value === 'string' && (causes as readonly string[]).includes(value),
};

/**
 * The data of a job that this host's worker may run. A queue takes anything, and so does Bull Board's form.
 * @throws FleetError JOB_REFUSED
 */
export function parseJobData(data: unknown, host: string): JobData {
  const refuse = (what: string): never => {
    throw new FleetError('JOB_REFUSED', `Job refused: ${what}`, {
      advice: `Nothing was written. A job of queue ${queueName(host)} is {"host_uuid": "${host}"}, and optionally deckies (a list of names), dry_run (true or false) and cause (${causes.join(', ')})`,
    });
  };
  if (!isObject(data)) return refuse('its data is not an object');
  for (const [field, value] of Object.entries(data as JsonObject)) {
    if (!Object.hasOwn(fields, field)) refuse(`its data has an unknown field ${JSON.stringify(field)}`);
    if (!fields[field as keyof JobData](value)) refuse(`its ${field} is not valid`);
  }
  if (!Object.hasOwn(data, 'host_uuid')) refuse('its data names no host_uuid');
  if (data.host_uuid !== host)
    refuse(`it is for host ${String(data.host_uuid)}, this is the queue of ${host}`);
  return data as unknown as JobData;
}
