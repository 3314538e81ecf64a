/** What other programs may import. @see CONTRACT.md, "Commands" */
export { type ErrorCode, errorCodes, FleetError } from './errors.ts';
export {
  type BuiltDecky,
  buildDeckiesFromIni,
  type IniBuildOptions,
  type Network,
} from './fleet/builder/build.ts';
export { buildDeckies, type FlagBuildOptions, resolveDistros } from './fleet/builder/flags.ts';
export { type Random, seededRandom } from './fleet/builder/random.ts';
export { type LoadOptions, loadIni, type Specification } from './fleet/builder/specification.ts';
export { allServiceNames } from './fleet/builder/tables.ts';
export type { Change, Held, Plan } from './fleet/change.ts';
export { type JobData, type JobResult, jobName, parseJobData, queueName } from './fleet/job.ts';
export type { Facts, Row, Sight } from './fleet/plan.ts';
export { plan } from './fleet/plan.ts';
export { controlTopic, healthTopic, type StateMessage, stateTopic } from './fleet/topics.ts';
export { reconcileOnce } from './reconcile-once.ts';
