import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { start } from '../harness/cli.ts';
import { type FakeEngine, fakeEngine } from '../harness/fake-engine.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { noStore, stores, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly service: string;
}

interface Otlp {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { key: string; value: { stringValue?: string } }[] };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<Span, 'service'>[] }[];
  }[];
}

const spansIn = ({ resourceSpans }: Otlp): readonly Span[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        service: resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '',
      })),
    ),
  );

/** A receiver of OTLP over HTTP, in JSON. */
async function otlpReceiver(): Promise<{ url: string; spans: Span[]; server: Server }> {
  const spans: Span[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      assert.equal(request.url, '/v1/traces');
      spans.push(...spansIn(JSON.parse(Buffer.concat(chunks).toString()) as Otlp));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, server };
}

for (const kind of stores)
  describe(`traces of queues on ${kind}`, { skip: noStore(kind) }, () => {
    let store: TestStore;
    let host: TestHost;
    let engine: FakeEngine;
    let receiver: Awaited<ReturnType<typeof otlpReceiver>>;
    let env: Readonly<Record<string, string>>;
    before(async () => {
      store = await testStore(kind);
      [host, engine, receiver] = [testHost(), await fakeEngine(), await otlpReceiver()];
      host.write([declaredDecky('web')]);
      env = {
        ...host.env(store.env),
        DOCKER_HOST: engine.host,
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_RESOURCE_ATTRIBUTES: 'service.name=decoys',
        OTEL_BSP_SCHEDULE_DELAY: '200',
      };
      assert.equal((await runHere(['migrate'], env)).code, 0);
    });
    after(async () => {
      receiver?.server.closeAllConnections();
      receiver?.server.close();
      await engine?.stop();
      host?.remove();
      await store?.drop();
    });

    test('the steps of a pass are within its job, and nothing runs in a trace for ever', async () => {
      const worker = start([], { ...env, DECNET_INTERVAL: '3600' }, 'worker.ts');
      try {
        await waitFor(async () => {
          const { hosts } = await jsonHere<{ hosts: { docker: string }[] }>(['hosts', '--json'], env);
          return hosts[0]?.docker === 'ok';
        });
        const { code, stderr } = await start(['reconcile', '--once'], env).finished;
        assert.equal(code, 0, stderr);
      } finally {
        worker.child.kill('SIGTERM');
        await worker.finished;
      }
      const { spans } = receiver;
      const byId = new Map(spans.map((span) => [span.spanId, span]));
      const parentOf = ({ parentSpanId = '' }: Span): Span | undefined => byId.get(parentSpanId);
      const jobs = spans.filter(({ name }) => name.startsWith('process'));
      assert.ok(jobs.length >= 2, spans.map(({ name }) => name).join());
      for (const job of jobs) {
        const within = spans.filter((span) => parentOf(span) === job).map(({ name }) => name);
        for (const step of ['observe', 'apply', 'announce'])
          assert.ok(within.includes(step), `${step}: ${within}`);
        const plans = spans.filter((span) => span.name === 'plan' && span.traceId === job.traceId);
        assert.ok(plans.length > 0 && plans.every((span) => parentOf(span)?.name === 'apply'));
      }
      // The job of the other process continues its trace.
      const added = spans.filter(({ name }) => name.startsWith('add'));
      assert.ok(jobs.some(({ traceId }) => added.some((one) => one.traceId === traceId)));
      assert.deepEqual([...new Set(spans.map(({ service }) => service))], ['decoys']);
      for (const { name, parentSpanId } of spans)
        if (/stalled/i.test(name)) assert.ok(!parentSpanId, `${name} has a parent`);
    });

    test('a receiver that is away changes nothing', async () => {
      const away = { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
      const { code, stdout, stderr } = await start(['reconcile', '--once', '--json'], away).finished;
      assert.deepEqual([code, stderr], [0, '']);
      assert.equal((JSON.parse(stdout) as { docker: string }).docker, 'ok');
    });
  });
