import type { Log } from '../lib/log.ts';
import type { PassOutcome } from '../pass/pass.ts';

/** What a worker logs of its passes: a warning when it appears and when it is over, a change, and nothing of a quiet pass. */
export function hostLog(host: string, log: Log) {
  let said: ReadonlySet<string> = new Set();
  const sayOnce = (warnings: readonly string[]): void => {
    for (const warning of warnings) if (!said.has(warning)) log.warn({ host }, warning);
    for (const warning of said) if (!warnings.includes(warning)) log.info({ host, warning }, 'resolved');
    said = new Set(warnings);
  };
  return {
    passed: ({ result, warnings, transitions, failure, plan }: PassOutcome): void => {
      if (failure !== null) return;
      const contested = [...plan.memory.contested].map(
        ([name, { reason }]) => `${name} is contested: ${reason}`,
      );
      sayOnce([...warnings, ...contested]);
      if (transitions.length === 0) return;
      const { inserted, deleted, state_updated, config_updated, job_id: job } = result;
      log.info({ host, job, inserted, deleted, state_updated, config_updated }, 'pass changed the fleet');
    },
    failed: (reason: string): void => sayOnce([`pass failed: ${reason}`]),
  };
}
