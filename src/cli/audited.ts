import type { App } from '../app/app.ts';
import type { AuditEntry } from '../fleet/audit.ts';
import { FleetError, reasonOf } from '../lib/errors.ts';
import type { Context } from './context.ts';
import { osUser } from './os-user.ts';

/** What a command does, for the audit log. */
export interface CommandAct extends Pick<AuditEntry, 'act'> {
  readonly host?: string;
  readonly target?: string;
  readonly details?: string;
  /** Default: the user of the operating system. */
  readonly who?: string | undefined;
}

/** Who runs a command, unless `--who` says it. */
export const whoRuns = (who: string | undefined): string => who ?? osUser() ?? 'unknown';

/**
 * Does something and records it, also when it fails. What cannot be recorded is done all the same, and reported on stderr.
 * @throws what `work` throws
 */
export async function audited<T>(
  app: App,
  context: Pick<Context, 'note'>,
  act: CommandAct,
  work: () => Promise<T>,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const code = error instanceof FleetError ? error.code : null;
    if (code === null || !noRecord.has(code))
      await record(app, context, act, {
        outcome: code === 'NOT_FOUND' ? 'refused' : 'failed',
        details: reasonOf(error),
      });
    throw error;
  }
  await record(app, context, act, { outcome: 'done' });
  return result;
}

/** After such a failure there is no place for a record, either. */
const noRecord: ReadonlySet<string> = new Set([
  'DATABASE_UNREACHABLE',
  'SCHEMA_MISSING',
  'EMBEDDED_DATABASE_FAILED',
]);

async function record(
  app: App,
  context: Pick<Context, 'note'>,
  given: CommandAct,
  end: Pick<AuditEntry, 'outcome'> & { readonly details?: string },
): Promise<void> {
  const { act, host, target, details, who } = given;
  const about = { host: host ?? null, target: target ?? null, details: end.details ?? details ?? null };
  const entry = { via: 'cli', act, who: whoRuns(who), ...about, outcome: end.outcome } as const;
  try {
    await (await app.audit()).record(entry);
  } catch (error) {
    // The role of a host's worker may not write it: otherwise a stolen host could.
    if (error instanceof FleetError && error.code === 'NOT_PERMITTED') return;
    context.note(`decnet-fleet: not recorded in the audit log: ${reasonOf(error)}`);
  }
}
