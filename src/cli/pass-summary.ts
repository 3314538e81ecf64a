import type { JobResult } from '../fleet/job.ts';
import type { Counts } from '../fleet/plan/change.ts';

export const countsLine = ({ inserted, deleted, state_updated, config_updated }: Counts): string =>
  `inserted=${inserted} deleted=${deleted} state_updated=${state_updated} config_updated=${config_updated}`;

/** The result of one pass as one line. */
export function passSummary(result: JobResult): string {
  const extras = [
    `held=${result.held}`,
    ...(result.contested.length > 0 ? [`contested=${result.contested.join(',')}`] : []),
    result.docker === 'ok' ? 'docker=ok' : 'docker=unreachable (no state was changed)',
    `${result.duration_ms} ms`,
    ...(result.dry_run ? ['dry run: nothing was written'] : []),
  ];
  return `${countsLine(result)} ${extras.join(' ')}`;
}
