import type { Environment } from '../lib/environment.ts';

const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_traceidratio',
] as const;

/** What of OpenTelemetry's settings its packages do not read themselves. */
export interface TraceSettings {
  readonly sampler: (typeof samplers)[number];
  /** The part of the traces that is sampled, from 0 to 1. */
  readonly ratio: number;
}

/**
 * Reads only the environment, as OpenTelemetry's own packages do.
 * @param problems gets what is wrong
 * @returns null: no traces are sent
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function traceSettings(env: Environment, problems: string[]): TraceSettings | null {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return null;
  const addresses = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'].filter(
    (name) => env[name],
  );
  if (addresses.length === 0) return null;
  for (const name of addresses)
    if (!/^https?:\/\/[^/]/i.test(env[name] ?? ''))
      problems.push(`${name} is not an address; allowed: http://…, https://…`);
  const given = env.OTEL_TRACES_SAMPLER || 'parentbased_always_on';
  const sampler = samplers.find((one) => one === given);
  if (sampler === undefined)
    problems.push(`OTEL_TRACES_SAMPLER is "${given}"; allowed: ${samplers.join(', ')}`);
  const ratio = Number(env.OTEL_TRACES_SAMPLER_ARG || '1');
  if (!(ratio >= 0 && ratio <= 1)) problems.push('OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1');
  return { sampler: sampler ?? 'always_on', ratio };
}
