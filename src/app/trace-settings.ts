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

/** The readers of the configuration, which collect errors. */
interface Reader {
  url(name: string, protocols: readonly string[]): string | null;
  oneOf<T extends string>(name: string, fallback: T, allowed: readonly T[]): T;
  text(name: string, fallback: string, holds: (found: string) => boolean, allowed: string): string;
}

/**
 * Null: no traces are sent.
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function traceSettings(env: Environment, read: Reader): TraceSettings | null {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return null;
  const http = ['http:', 'https:'];
  const endpoint =
    read.url('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', http) ?? read.url('OTEL_EXPORTER_OTLP_ENDPOINT', http);
  if (endpoint === null) return null;
  const isRatio = (text: string): boolean => Number(text) >= 0 && Number(text) <= 1;
  return {
    sampler: read.oneOf('OTEL_TRACES_SAMPLER', 'parentbased_always_on', samplers),
    ratio: Number(read.text('OTEL_TRACES_SAMPLER_ARG', '1', isRatio, 'a number from 0 to 1')),
  };
}
