import { hostname } from 'node:os';
import type { Telemetry as QueueTelemetry } from 'bullmq';
import { endsWithin } from '../lib/ends-within.ts';
import { FleetError } from '../lib/errors.ts';
import { missingPackage } from '../lib/optional.ts';
import { version } from '../lib/package.ts';
import type { Spans } from '../pass/spans.ts';
import type { TraceSettings } from './trace-settings.ts';

/** The traces of one process. */
export interface Telemetry {
  /** Of the queues, their workers and what adds jobs. */
  readonly queues: QueueTelemetry;
  /** Of the steps of a pass. They are within the span of its job. */
  readonly spans: Spans;
  /** Sends what was recorded, and stops. */
  close(): Promise<void>;
}

/** Milliseconds that a process waits at its end for a receiver that is slow or away. */
const closeWithinMs = 2000;

/** They are no dependencies: most hosts send no traces, and the packages have 28 MB. */
async function loadPackages() {
  const [api, hooks, core, sdk, exporter, resources, otel] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('bullmq-otel'),
  ]);
  return { api, hooks, core, sdk, exporter, resources, otel };
}

/** Sends traces with the standard variables of OpenTelemetry. @throws FleetError CONFIG_INVALID when a package is missing */
export async function openTelemetry(settings: TraceSettings): Promise<Telemetry> {
  const { api, hooks, core, sdk, exporter, resources, otel } = await loadPackages().catch(
    (error: unknown) => {
      const missing = missingPackage(error);
      if (missing === null) throw error;
      throw new FleetError('CONFIG_INVALID', `Traces are configured, but a package is missing: ${missing}`, {
        cause: error,
        advice: 'Install the packages that docs/telemetry.md lists, or unset OTEL_EXPORTER_OTLP_ENDPOINT',
      });
    },
  );
  const { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } = api;
  const given = resources.detectResources({ detectors: [resources.envDetector] });
  const provider = new sdk.TracerProvider({
    resource: resources
      .resourceFromAttributes({
        'service.name': 'decnet-fleet',
        'service.version': version,
        'host.name': hostname(),
      })
      .merge(given),
    sampler: samplerOf(settings, sdk),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: new exporter.OTLPTraceExporter() })],
  });
  context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new core.W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);

  const queues = new otel.BullMQOtel({ tracerName: 'decnet-fleet', version }) as QueueTelemetry;
  // Without it BullMQ's periodic checks run in the context of the job before, and that trace never ends. (BullMQ #4731)
  queues.contextManager.root ??= () => ROOT_CONTEXT;
  const tracer = trace.getTracer('decnet-fleet', version);
  return {
    queues,
    spans: {
      within: (step, work) =>
        tracer.startActiveSpan(step, async (span) => {
          try {
            return await work();
          } catch (error) {
            span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
            throw error;
          } finally {
            span.end();
          }
        }),
    },
    // The receiver may be away: what was recorded is lost then.
    close: async () => {
      await endsWithin(closeWithinMs, provider.shutdown()).catch(() => undefined);
    },
  };
}

type Sdk = typeof import('@opentelemetry/sdk-trace');

const samplerOf = ({ sampler, ratio }: TraceSettings, sdk: Sdk) => {
  const some = new sdk.TraceIdRatioBasedSampler(sampler.endsWith('ratio') ? ratio : 1);
  if (sampler === 'always_off') return new sdk.AlwaysOffSampler();
  return sampler.startsWith('parentbased') ? new sdk.ParentBasedSampler({ root: some }) : some;
};
