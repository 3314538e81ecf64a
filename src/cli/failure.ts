import { FleetError, reasonOf } from '../lib/errors.ts';
import { withoutSecrets } from '../lib/log.ts';
import type { Context } from './context.ts';

/** 2: wrong usage or configuration; 1: the work failed. @see CONTRACT.md, Exit codes */
export const exitCodeOf = (error: unknown): number =>
  error instanceof FleetError && error.code === 'CONFIG_INVALID' ? 2 : 1;

/** Prints an error as one line on stderr, and its stack with LOG_LEVEL=debug. */
export function tell(context: Context, error: unknown): void {
  context.progress(null);
  context.note(`decnet-fleet: ${withoutSecrets(reasonOf(error))}`);
  if (context.env.LOG_LEVEL === 'debug' && error instanceof Error)
    context.note(withoutSecrets(error.stack ?? ''));
}
