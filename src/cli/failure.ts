import { type ErrorCode, FleetError, reasonOf } from '../lib/errors.ts';
import { withoutSecrets } from '../lib/mask.ts';
import type { Context } from './context.ts';

/** The exit code of `status --exit-code` when something is broken. */
export const brokenExit = 3;

/** Errors with an exit code of their own. */
const exitCodes: Readonly<Partial<Record<ErrorCode, number>>> = { CONFIG_INVALID: 2, WAIT_TIMED_OUT: 4 };

/** 2: wrong usage or configuration; 4: `wait` timed out; 1: the work failed. @see CONTRACT.md, Exit codes */
export const exitCodeOf = (error: unknown): number =>
  error instanceof FleetError ? (exitCodes[error.code] ?? 1) : 1;

/** Prints an error as one line on stderr, and its stack with LOG_LEVEL=debug. */
export function reportError(context: Context, error: unknown): void {
  context.progress(null);
  context.note(`decnet-fleet: ${withoutSecrets(reasonOf(error))}`);
  if (context.showsStacks && error instanceof Error) context.note(withoutSecrets(error.stack ?? ''));
}
