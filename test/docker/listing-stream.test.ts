import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { dockerEngine } from '../../src/docker/engine.ts';
import { engineLimits } from '../../src/docker/limits.ts';
import { settingsOf } from '../harness/hostile-engine.ts';
import { listingOf, pieces } from '../harness/listing.ts';
import { fc } from '../harness/property.ts';

const labels = ['decnet.fleet.decky', 'decnet.fleet.service_name', 'com.docker.compose.project'] as const;
const fields = ['Id', 'Names', 'Labels', 'HostConfig', 'State', 'Status', 'Created'] as const;
const topologyLabel = fc.constantFrom('decnet.topology.', 'decnet.topology.id', 'decnet.topology.service');

const anyText = fc.string({ unit: 'binary' });
const container = fc.record(
  {
    Id: anyText,
    Names: fc.array(anyText),
    Labels: fc.option(
      fc.dictionary(fc.oneof(anyText, fc.constantFrom(...labels, 'Id'), topologyLabel), anyText),
    ),
    HostConfig: fc.option(fc.dictionary(fc.oneof(anyText, fc.constantFrom('NetworkMode', 'Id')), anyText)),
    State: anyText,
    Status: anyText,
    Created: fc.integer(),
    Ports: fc.array(fc.record({ State: anyText, n: fc.double({ noNaN: true, noDefaultInfinity: true }) })),
    NetworkSettings: fc.jsonValue(),
    'A "quoted" \\ key': fc.jsonValue(),
  },
  { requiredKeys: ['Id'] },
);

const same = <T>(container: T): T => container;

const only = (object: object, names: readonly string[]): object =>
  Object.fromEntries(Object.entries(object).filter(([name]) => names.includes(name)));

/** Of the labels of a topology the last one, under the beginning of its name. */
function usedLabels(all: object): object {
  const topology = Object.entries(all).filter(([name]) => name.startsWith('decnet.topology.'));
  const last = topology.at(-1)?.[1] as unknown;
  return { ...only(all, labels), ...(last === undefined ? {} : { 'decnet.topology.': last }) };
}

describe('a listing as it arrives', () => {
  test('is read as JSON.parse reads it, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(container, { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.constantFrom(undefined, 2),
        async (containers, cuts, indent) => {
          const text = JSON.stringify(containers, null, indent);
          const expected = (JSON.parse(text) as Record<string, unknown>[]).map((one) => {
            const names = one.Names as readonly string[] | undefined;
            const used = { ...only(one, fields), Names: names?.length ? names : [one.Id] };
            return {
              ...used,
              ...(one.Labels ? { Labels: usedLabels(one.Labels) } : {}),
              ...(one.HostConfig ? { HostConfig: only(one.HostConfig, ['NetworkMode']) } : {}),
            };
          });
          const found = await listingOf(pieces(text, cuts), same);
          assert.deepEqual(
            found.map((one) => ({ ...one })),
            expected,
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  test('that ends too early is refused, wherever it ends', async () => {
    const text = JSON.stringify([
      { Id: 'a', Names: ['/web'], Labels: { x: '}]"' }, Status: 'Up' },
      { Id: 'b', State: 'running' },
    ]);
    for (let length = 0; length < text.length; length++)
      await assert.rejects(
        listingOf(pieces(text.slice(0, length), []), same),
        /too early/,
        text.slice(0, length),
      );
  });

  test('that is none is refused', async () => {
    for (const text of [
      '{}',
      'null',
      '[1]',
      '["a"]',
      '[{"Id":"a"} {"Id":"b"}]',
      '[,]',
      '[{"Id":"a"},]',
      '[] []',
      '[{"Names":[]}]',
      '<html>',
      '[{"Id":1}]',
    ])
      await assert.rejects(listingOf(pieces(text, [3]), same), /not a list|without a name/, text);
    await assert.rejects(listingOf(pieces('[{"Id":"a","State":tru}]', []), same));
  });

  test('of nothing is empty', async () => {
    assert.deepEqual(await listingOf(pieces(' [ ]\n', [1, 2]), same), []);
  });

  const listingMs = { base: 1000, perContainer: 1, max: 60_000 };
  test('has ten seconds, and longer the more containers there are', () => {
    assert.deepEqual(engineLimits.listingMs, { base: 10_000, perContainer: 1, max: 510_000 });
  });

  /** What an engine is seen as that answers every request so. */
  const answerOf = async (answer: (response: ServerResponse) => void) => {
    const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-listing-'));
    const server = createServer((_request, response) => answer(response));
    const socket = join(directory, 'docker.sock');
    await new Promise<void>((done) => server.listen(socket, done));
    try {
      const engine = dockerEngine(settingsOf({ host: `unix://${socket}` }), { listingMs });
      return await engine.list({ only: null, containers: 0, generation: '0' });
    } finally {
      server.closeAllConnections();
      server.close();
      rmSync(directory, { recursive: true });
    }
  };

  for (const [how, status, end, reason] of [
    ['goes away within its list', 200, 'cut', /aborted|too early|hang up|reset/i],
    ['hangs within its list', 200, 'hang', /did not answer within 1 s/],
    ['answers with a fault', 500, 'end', /server error/],
  ] as const) {
    test(`an engine that ${how} is unreachable, and half of its list counts for nothing`, async () => {
      const answer = await answerOf((response) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.write('[{"Id":"a","Names":["/web"],"State":"running","Status":"Up 2 hours"},');
        if (end === 'cut') setTimeout(() => response.destroy(), 50);
        if (end === 'end') response.end();
      });
      assert.equal(answer.kind, 'unreachable');
      assert.match(answer.kind === 'unreachable' ? answer.reason : '', reason);
    });
  }

  test('of a host that was never seen may take longer the more containers arrive', async () => {
    const containers = 5000;
    const answer = await answerOf((response) => {
      const one = (at: number): string =>
        `{"Id":"${at}","Names":["/web-${at}"],"State":"running","Status":"Up 2 hours"}`;
      response.write(`[${Array.from({ length: containers }, (_, at) => one(at)).join(',')}`);
      setTimeout(() => response.end(']'), 1500);
    });
    assert.equal(answer.kind === 'ok' && answer.containers.length, containers);
  });
});
