/** The exports of the package. @see CONTRACT.md, "Commands" */

export { reconcileOnce } from './app/reconcile-once.ts';
export {
  type BuiltDecky,
  buildDeckiesFromIni,
  type IniBuildOptions,
  type Network,
} from './builder/build.ts';
export { buildDeckies, type FlagBuildOptions, resolveDistros } from './builder/flags.ts';
export { type Random, seededRandom } from './builder/random.ts';
export { type LoadOptions, loadIni, type Specification } from './builder/specification.ts';
export { allServiceNames } from './builder/tables.ts';
export { type JobData, type JobResult, jobName, parseJobData, queueName } from './fleet/job.ts';
export type { Change, Held, Plan } from './fleet/plan/change.ts';
export type { EngineAnswer, Facts, Row } from './fleet/plan/facts.ts';
export { plan } from './fleet/plan/plan.ts';
export { controlTopic, healthTopic, type StateMessage, stateTopic } from './fleet/topics.ts';
export { type ErrorCode, errorCodes, FleetError } from './lib/errors.ts';
