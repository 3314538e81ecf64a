import { FleetError } from '../lib/errors.ts';
import { isObject, type Json, type JsonObject } from '../lib/json.ts';
import { isLegalHost, isLegalName } from './decky.ts';
import { linesAtMost } from './last-lines.ts';
import type { Change, Counts, Held } from './plan/change.ts';

/** The name of a host's queue, which only the workers of that host consume. @see CONTRACT.md, "The queue" */
export const queueName = (host: string): string => `reconcile.${host}`;

/** The host of a queue; null: it is no host's. */
export const hostOfQueue = (name: string): string | null =>
  name.startsWith(queueName('')) ? name.slice(queueName('').length) : null;

/** The name of the queue of the repeatable job. @see CONTRACT.md, "The queue" */
export const scheduleQueue = 'schedule';

export const jobName = 'reconcile';

/** Prefixes for the ids of scheduled passes: of the schedule, and of a worker that has no scheduler. */
export const jobIdPrefix = { schedule: 's', worker: 'w' } as const;

export const causes = ['schedule', 'docker', 'file', 'start', 'manual'] as const;
export type Cause = (typeof causes)[number];

export interface JobData {
  readonly host_uuid: string;
  /** Only these deckies. */
  readonly deckies?: readonly string[];
  readonly dry_run?: boolean;
  readonly cause?: Cause;
  /** Of a dry run that names deckies: also the last lines of the log of each of their containers, this many. */
  readonly logs?: number;
}

/** A change in the public JSON. */
export interface ReportedChange {
  readonly action: Change['action'];
  readonly name: string;
  readonly from_state: string | null;
  readonly to_state: string | null;
  readonly reason: string;
}

/** The desired and the observed state of one decky. */
export interface DeckyView {
  readonly name: string;
  /** The object of the file, with secrets masked; null: not declared. */
  readonly desired: Json;
  /**
   * Set only within the queue: `desired` as text, if it contains numbers that JSON parsers of the queue would change.
   * @see parseJobResult
   */
  readonly desired_text?: string;
  /** Null: Docker did not answer, or the decky is neither declared nor recorded. */
  readonly observed: {
    readonly state: string;
    readonly reason: string | null;
    readonly containers: readonly {
      readonly name: string;
      readonly service: string | null;
      readonly state: string;
      readonly exit_code: number | null;
      readonly unhealthy: boolean;
      /** Whether it runs in the network of a base that was restarted or is gone. A worker of an older version does not report it. */
      readonly cut_off?: boolean;
      /** Not reported by a worker of an older version, either. */
      readonly is_looping?: boolean;
      /** For how many seconds at least it has been running, or has ended; null: unknown. */
      readonly age_seconds?: number | null;
      /** The last lines of its log, cleaned; set if the job asked for them and they could be read. */
      readonly log?: readonly string[];
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
  /** Set for a dry run. */
  readonly changes?: readonly ReportedChange[];
  readonly held_rows?: readonly Held[];
  /** Set for a dry run that names deckies. */
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
  logs: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= linesAtMost,
};

/** What `parseJobData` accepts, as a JSON schema, for forms. */
export const jobDataSchema = (host: string): JsonObject => ({
  type: 'object',
  additionalProperties: false,
  required: ['host_uuid'],
  properties: {
    host_uuid: { const: host, default: host },
    deckies: { type: 'array', minItems: 1, items: { type: 'string' }, description: 'only these deckies' },
    dry_run: { type: 'boolean', description: 'write nothing, and report what would change' },
    cause: { enum: [...causes], default: 'manual' },
    logs: {
      type: 'integer',
      minimum: 1,
      maximum: linesAtMost,
      description: 'of a dry run that names deckies: the last lines of their logs',
    },
  },
});

/**
 * Validates the data of a job. Queues, and Bull Board's form, accept any data.
 * @throws FleetError JOB_REFUSED
 */
export function parseJobData(data: unknown, host: string): JobData {
  const refuse = (what: string): never => {
    throw new FleetError('JOB_REFUSED', `Job refused: ${what}`, {
      advice: `Nothing was written. A job of queue ${queueName(host)} is {"host_uuid": "${host}"}, and optionally deckies (a list of names), dry_run (true or false), cause (${causes.join(', ')}) and logs (1 to ${linesAtMost})`,
    });
  };
  if (!isObject(data)) return refuse('its data is not an object');
  for (const [field, value] of Object.entries(data as JsonObject)) {
    if (!Object.hasOwn(fields, field)) refuse(`its data has an unknown field ${JSON.stringify(field)}`);
    if (!fields[field as keyof JobData](value)) refuse(`its ${field} is not valid`);
  }
  if (Object.hasOwn(data, 'logs') && (data.dry_run !== true || !Object.hasOwn(data, 'deckies')))
    refuse('logs are read only by a dry run that names deckies');
  if (!Object.hasOwn(data, 'host_uuid')) refuse('its data names no host_uuid');
  if (data.host_uuid !== host)
    refuse(`it is for host ${String(data.host_uuid)}, this is the queue of ${host}`);
  return data as unknown as JobData;
}
