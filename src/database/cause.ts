import type { Cause } from '../fleet/plan/cause.ts';
import { isObject, type Json } from '../lib/json.ts';

/** The maximum size of a stored cause as text, in bytes. A check of the tables has the same. */
export const causeBytesAtMost = 1024;

/** A cause as the columns `cause` of `fleet_transitions` and `fleet_alarms` have it. */
export const causeToJson = (cause: Cause | null): Json =>
  cause && { service: cause.service, state: cause.state, exit_code: cause.exitCode };

/** Null also where it has another shape: a granted worker may write any small object. */
export function causeFromJson(json: unknown): Cause | null {
  if (!isObject(json)) return null;
  const { service = null, state, exit_code: exitCode = null } = json;
  if (typeof state !== 'string') return null;
  if (service !== null && typeof service !== 'string') return null;
  if (exitCode !== null && !(typeof exitCode === 'number' && Number.isSafeInteger(exitCode))) return null;
  return { service, state, exitCode };
}
