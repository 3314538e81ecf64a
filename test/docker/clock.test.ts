import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dockerEngine } from '../../src/docker/engine.ts';
import { settingsOf, withEngine } from '../harness/hostile-engine.ts';

for (const aheadSeconds of [600, -600, 86_400, 0]) {
  test(`a restart loop is detected by the engine’s clock, ${aheadSeconds} s ahead`, async () => {
    const engineNow = (): number => Date.now() + aheadSeconds * 1000;
    const dated =
      (answer: () => object) =>
      (response: import('node:http').ServerResponse): void => {
        response.setHeader('date', new Date(engineNow()).toUTCString());
        response.end(JSON.stringify(answer()));
      };
    const labels = { 'decnet.fleet.decky': 'web', 'decnet.fleet.service_name': 'ssh' };
    const listed = (name: string, up: number) => ({
      Id: name,
      Names: [`/${name}`],
      Labels: labels,
      State: 'running',
      Status: up < 60 ? `Up ${up} seconds` : `Up ${Math.floor(up / 60)} minutes`,
      Created: Math.floor(engineNow() / 1000) - 3600,
    });
    const inspected = (up: number) => () => ({
      RestartCount: 5,
      State: { StartedAt: new Date(engineNow() - up * 1000).toISOString() },
    });
    await withEngine(
      [
        [/^\/containers\/json/, dated(() => [listed('young', 20), listed('older', 240)])],
        [/young/, dated(inspected(20))],
        [/older/, dated(inspected(240))],
      ],
      async (engine) => {
        const seen = await dockerEngine(settingsOf(engine)).list({
          only: null,
          containers: 0,
          generation: '1',
        });
        assert.equal(seen.kind, 'ok');
        const ends = seen.kind === 'ok' ? seen.containers.map(({ loop }) => loop) : [];
        // The header has a precision of one second.
        for (const [at, left] of [280, 60].entries()) {
          const loop = ends[at];
          assert.equal(loop?.kind, 'loop');
          const endsIn = loop?.kind === 'loop' ? (loop.endsIn ?? -1) : -1;
          assert.ok(Math.abs(endsIn - left) < 5, `${endsIn} s, where ${left} s are left`);
        }
      },
    );
  });
}
