import type { Log } from '../lib/log.ts';
import { problemChanges } from '../lib/outage-log.ts';
import type { PassOutcome } from '../pass/pass.ts';

/** Logs the passes of a worker: warnings when they begin and when they end, and passes that changed something. */
export function hostLog(host: string, log: Log) {
  const changes = problemChanges((warning: string) => warning);
  const logOnce = (warnings: readonly string[]): void => {
    const { began, ended } = changes(warnings);
    for (const warning of began) log.warn({ host }, warning);
    for (const warning of ended) log.info({ host, warning }, 'resolved');
  };
  return {
    passed: ({ result, warnings, transitions, failure, plan }: PassOutcome): void => {
      if (failure !== null) return;
      const contested = [...plan.memory.contested].map(
        ([name, { reason }]) => `${name} is contested: ${reason}`,
      );
      logOnce([...warnings, ...contested]);
      if (transitions.length === 0) return;
      const { inserted, deleted, state_updated, config_updated, job_id: job } = result;
      log.info({ host, job, inserted, deleted, state_updated, config_updated }, 'pass changed the fleet');
    },
    failed: (reason: string): void => logOnce([`pass failed: ${reason}`]),
  };
}
