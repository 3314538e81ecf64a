import { type BrokenDeployment, type Cause, isEndedBy } from '../fleet/plan/cause.ts';
import { isObject, type Json, property } from '../lib/json.ts';

/** The maximum size of a stored cause as text, in bytes. A check of the tables has the same. */
export const causeBytesAtMost = 1024;

/** A cause as the columns `cause` of `fleet_transitions` and `fleet_alarms` have it. */
export const causeToJson = (cause: Cause | null): Json =>
  cause && {
    service: cause.service,
    state: cause.state,
    exit_code: cause.exitCode,
    ...(cause.endedBy && { ended_by: cause.endedBy }),
    ...(cause.deployment && { deployment: { ...cause.deployment } }),
  };

/** Null also where it has another shape: a granted worker may write any small object. */
export function causeFromJson(json: unknown): Cause | null {
  if (!isObject(json)) return null;
  const { service = null, state, exit_code: exitCode = null, ended_by: endedBy } = json;
  if (typeof state !== 'string') return null;
  if (service !== null && typeof service !== 'string') return null;
  if (exitCode !== null && !(typeof exitCode === 'number' && Number.isSafeInteger(exitCode))) return null;
  const deployment = deploymentFromJson(json.deployment);
  return {
    service,
    state,
    exitCode,
    ...(isEndedBy(endedBy) && { endedBy }),
    ...(deployment && { deployment }),
  };
}

export function deploymentFromJson(json: unknown): BrokenDeployment | null {
  if (!isObject(json)) return null;
  const [outcome, of] = [property(json, 'outcome'), property(json, 'of')];
  if (outcome !== 'failed' && outcome !== 'unfinished') return null;
  return typeof of === 'string' ? { outcome, of } : null;
}
