import { printable, shortened } from './text.ts';

/**
 * The codes of all errors for users. A code is never reused; the command line maps codes to exit codes.
 */
export const errorCodes = [
  'CONFIG_INVALID', // a setting or an option is wrong: exit 2
  'STATE_FILE_INVALID', // the state file cannot be read, parsed or validated
  'DATABASE_UNREACHABLE',
  'SCHEMA_MISSING', // the database was never migrated, or is behind
  'EMBEDDED_DATABASE_FAILED',
  'QUEUE_UNREACHABLE',
  'JOB_REFUSED', // the job's data is not valid, or is for another host
  'JOB_TIMED_OUT',
  'JOB_FAILED',
  'WAIT_TIMED_OUT', // `wait` did not see what it waits for in time: exit 4
  'PASS_CONFLICT', // other passes of this host kept committing in between
  'OTHER_MACHINE', // the host's rows belong to another machine
  'FLEET_INVALID', // an INI file, or the flags of `build`, are not valid
  'NOT_WRITTEN', // a file could not be written, or a file or a fleet already exists
  'DUMP_INVALID', // a dump is incomplete, not valid or of a newer version
  'NOT_PERMITTED', // the role does not have the necessary privileges
  'VALUE_REFUSED', // the database does not accept a value
  'NOT_FOUND',
  'CHECK_FAILED', // `doctor` found a fault
  'DECNET_TABLE_FAILED', // DECNET's own table cannot be read or written
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** An error for users: a message that names the problem and its location, and advice how to fix it. */
export class FleetError extends Error {
  readonly code: ErrorCode;
  readonly advice: string | undefined;

  constructor(code: ErrorCode, message: string, options: { advice?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FleetError';
    this.code = code;
    this.advice = options.advice;
  }

  /** The message and the advice in one line. */
  get line(): string {
    return this.advice === undefined ? this.message : `${this.message.replace(/\.$/, '')}. ${this.advice}`;
  }
}

/** The maximum length in characters; some errors contain a list. */
const longestError = 2000;

/** The text of anything that was thrown, as one line of at most 2,000 characters. */
export function reasonOf(error: unknown): string {
  if (error instanceof FleetError) return oneLine(error.line);
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (error instanceof Error) return oneLine(error.message || codeOf(error) || error.name);
  return oneLine(String(error));
}

/** The code of a system or database error (`ENOENT`, `42P01`), or of its cause; null: none. */
export function codeOf(error: unknown): string | null {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    if (at instanceof AggregateError && at.errors.length > 0) return codeOf(at.errors[0]);
  }
  return null;
}

const oneLine = (text: string): string =>
  shortened(printable(text.replace(/\s+/g, ' ').trim()), longestError);
