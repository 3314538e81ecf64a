import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Desired } from '../../src/fleet/desired.ts';
import { othersOnly } from '../../src/fleet/desired.ts';
import { FleetError } from '../../src/lib/errors.ts';
import { pass } from '../../src/pass/pass.ts';
import { parseStateFile } from '../../src/state-file/parse.ts';
import { brokenFiles } from '../harness/broken-files.ts';
import { container, decky, declared, exited, seen, serviceOf } from '../harness/facts.ts';
import { type Bench, bench, fixture, rowsOf } from '../harness/pass.ts';

const file = '/srv/decnet-state.json';

async function read(content: string, host = 'local'): Promise<Desired> {
  try {
    return await parseStateFile(Buffer.from(content), file, host);
  } catch (error) {
    assert.ok(error instanceof FleetError, String(error));
    return { kind: 'invalid', error };
  }
}

const declaredBy = async (content: string, host = 'local') => {
  const found = await read(content, host);
  assert.equal(found.kind, 'declared', found.kind === 'invalid' ? found.error.message : '');
  return found.kind === 'declared' ? found : assert.fail();
};

describe('files that DECNET wrote', () => {
  test('a unihost’s', async () => {
    const { deckies, peers } = await declaredBy(fixture('unihost-3.decnet-state.json'));
    assert.deepEqual(
      [...deckies.values()].map(({ name, ip, services }) => [name, ip, services]),
      [
        ['web-front', '192.168.50.21', ['ssh', 'http']],
        ['file-store', '192.168.50.3', ['smb', 'ssh']],
        ['mail-gw', '192.168.50.4', ['smtp_relay', 'ssh']],
      ],
    );
    assert.equal(peers.size, 0);
  });

  test('of a worker: for its host, and for another one', async () => {
    const content = fixture('swarm-worker-4.decnet-state.json');
    const host = JSON.parse(content).config.deckies[0].host_uuid;
    assert.equal((await declaredBy(content, host)).deckies.size, 4);
    const elsewhere = await declaredBy(content, 'local');
    assert.equal(elsewhere.deckies.size, 0);
    assert.equal(othersOnly(elsewhere, 'local'), `declares 4 deckies, none of host local; it names ${host}`);
  });
});

describe('what makes no file invalid', () => {
  const one = (more: object): string =>
    JSON.stringify({ config: { deckies: [{ name: 'a', ip: '192.0.2.1', services: ['ssh'], ...more }] } });

  test('an unknown field, which is kept', async () => {
    const [found] = (await declaredBy(one({ colour: { of: ['mind'] } }))).deckies.values();
    assert.deepEqual(found?.config.colour, { of: ['mind'] });
  });

  test('texts that repeat, and others: each decky keeps its own', async () => {
    const images = [
      'debian:bookworm-slim',
      'debian:bookworm-slim',
      'alpine:3.20',
      null,
      'debian:bookworm-slim',
    ];
    const deckies = images.map((base_image, at) => ({
      name: `web-${at}`,
      ip: '192.0.2.1',
      services: ['ssh'],
      ...{ base_image, build_base: images[images.length - 1 - at] },
    }));
    const found = await declaredBy(JSON.stringify({ config: { deckies } }));
    assert.deepEqual(
      [...found.deckies.values()].map(({ config }) => config),
      deckies,
    );
  });

  test('a field that is missing, an unknown service, a repeated one, an IPv6 address', async () => {
    const [found] = (
      await declaredBy(one({ ip: '2001:db8::1', services: ['ssh', 'gopher', 'ssh'] }))
    ).deckies.values();
    assert.deepEqual(found?.services, ['ssh', 'gopher']);
    assert.deepEqual(found?.config.services, ['ssh', 'gopher', 'ssh']);
  });

  test('an empty list of deckies', async () => {
    assert.deepEqual((await declaredBy('{"config": {"deckies": []}}')).deckies, new Map());
  });

  test('the same name on two hosts', async () => {
    const content = JSON.stringify({
      config: {
        deckies: ['x', 'y', null].map((host_uuid) => ({
          name: 'a',
          ip: '192.0.2.1',
          services: ['ssh'],
          host_uuid,
        })),
      },
    });
    const { deckies, peers } = await declaredBy(content);
    assert.deepEqual(
      [deckies.size, [...peers]],
      [
        1,
        [
          ['x', 1],
          ['y', 1],
        ],
      ],
    );
  });

  test('a key called __proto__, which is kept', async () => {
    const content =
      '{"config": {"deckies": [{"name": "a", "ip": "192.0.2.1", "services": ["ssh"], "__proto__": {"x": 1}}]}}';
    const [found] = (await declaredBy(content)).deckies.values();
    assert.equal(
      JSON.stringify(found?.config),
      '{"name":"a","ip":"192.0.2.1","services":["ssh"],"__proto__":{"x":1}}',
    );
  });
});

describe('a broken file', () => {
  let it: Bench;
  before(async () => {
    it = await bench();
    it.desired = declared(decky('web'), decky('old'));
    it.observed = seen(container('web'), serviceOf('web', 'ssh'), serviceOf('old', 'ssh'));
    await pass({ host_uuid: 'local' }, '1', it.ports, { graceSeconds: 300, rolloutSeconds: 0 });
  });
  after(() => it.close());

  test('is refused in one line that names file and field, and only states are taken', async () => {
    const contentOf = async () =>
      (await rowsOf(it.db)).map(({ state, last_error, xmin, ...content }) => content);
    const before = await contentOf();
    assert.equal(before.length, 2);
    let state = 'running';
    for (const [what, content, names] of brokenFiles.filter(([, content]) => typeof content === 'string')) {
      it.desired = await read(content as string);
      assert.equal(it.desired.kind, 'invalid', what);
      state = state === 'running' ? 'failed' : 'running';
      it.observed = seen(
        serviceOf('web', 'ssh', state === 'failed' ? exited(1) : {}),
        serviceOf('old', 'ssh'),
      );
      const outcome = await pass({ host_uuid: 'local' }, '1', it.ports, {
        graceSeconds: 300,
        rolloutSeconds: 0,
      });
      const line = outcome.failure?.line ?? '';
      assert.ok(line.startsWith(`${file}: `), `${what}: ${line}`);
      assert.match(line, names, what);
      assert.ok(
        !/[\n\0]/.test(line) && line.length < 500,
        `${what}: one short line, not ${JSON.stringify(line)}`,
      );
      assert.deepEqual(await contentOf(), before, what);
      assert.equal((await rowsOf(it.db)).find(({ name }) => name === 'web')?.state, state, what);
    }
  });
});
