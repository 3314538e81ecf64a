import { FleetError } from '../lib/errors.ts';
import { isObject, type Json, property } from '../lib/json.ts';
import { parseJson } from '../lib/json-text.ts';
import { printableDeep } from '../lib/text.ts';
import type { DeckyView, JobResult } from './job.ts';

type Check = (value: Json | undefined) => boolean;

const text: Check = (value) => typeof value === 'string';
const textOrNull: Check = (value) => value === null || typeof value === 'string';
const flag: Check = (value) => typeof value === 'boolean';
const count: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && words.includes(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every((one: Json) => check(one));
const shape =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(fields).every(([name, check]) => check(property(value, name)));
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

const container = shape({
  name: text,
  service: textOrNull,
  state: text,
  exit_code: (value) => value === null || Number.isFinite(value),
  unhealthy: flag,
  cut_off: maybe(flag),
});

const isJobResult = shape({
  host_uuid: text,
  job_id: text,
  inserted: count,
  deleted: count,
  state_updated: count,
  config_updated: count,
  held: count,
  contested: listOf(text),
  docker: oneOf('ok', 'unreachable'),
  duration_ms: count,
  dry_run: flag,
  changes: maybe(
    listOf(
      shape({
        action: oneOf('insert', 'delete', 'state', 'config', 'reason'),
        name: text,
        from_state: textOrNull,
        to_state: textOrNull,
        reason: text,
      }),
    ),
  ),
  held_rows: maybe(listOf(shape({ name: text, reason: text }))),
  deckies: maybe(
    listOf(
      shape({
        name: text,
        desired: orNull(isObject),
        desired_text: maybe(text),
        observed: orNull(shape({ state: text, reason: textOrNull, containers: listOf(container) })),
      }),
    ),
  ),
});

/**
 * Validates the result of a job and makes it printable. A compromised worker can return anything.
 * @throws FleetError JOB_FAILED
 */
export function parseJobResult(value: unknown, host: string): JobResult {
  const result = isJobResult(value as Json) ? withTexts(value as JobResult) : null;
  if (result?.host_uuid !== host) {
    throw new FleetError('JOB_FAILED', `The worker of host ${host} did not return a valid result`, {
      advice:
        'Check with `decnet-fleet hosts` that it runs the same version as this command. If it does, inspect that host',
    });
  }
  return printableDeep(result);
}

/** Parses each `desired_text` into `desired`. Returns null if one is not the JSON of an object. */
function withTexts(result: JobResult): JobResult | null {
  if (result.deckies === undefined) return result;
  try {
    const deckies = result.deckies.map(({ desired_text, ...decky }): DeckyView => {
      if (desired_text === undefined) return decky;
      const desired = parseJson(desired_text);
      if (!isObject(desired)) throw new SyntaxError('not an object');
      return { ...decky, desired };
    });
    return { ...result, deckies };
  } catch {
    return null;
  }
}
