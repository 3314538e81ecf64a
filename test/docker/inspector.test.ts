import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dockerEngine } from '../../src/docker/engine.ts';
import type { EngineLimits } from '../../src/docker/limits.ts';
import { settingsOf } from '../harness/hostile-engine.ts';
import { type Kept, type SmallDocker, smallDocker } from '../harness/small-docker.ts';

const minute = 60;
const hour = 3600;
/** When the containers of a decky were made. The clock of the engine is not this machine's. */
const long = Date.parse('2026-03-01T12:00:00.250Z') / 1000;

/** One worker's passes. */
interface Host extends SmallDocker {
  /** Each container and its network: `web own, web-ssh shared`. */
  look(only?: readonly string[]): Promise<string>;
  /** How many inspections there were since the last call. */
  asked(): number;
}

async function onHost(work: (host: Host) => Promise<void>, limits: Partial<EngineLimits> = {}) {
  const docker = await smallDocker(long + 5 * hour);
  const engine = dockerEngine(settingsOf(docker), limits);
  let [generation, before] = [0, 0];
  const host: Host = Object.assign(docker, {
    look: async (only?: readonly string[]) => {
      generation += 1;
      const answer = await engine.list({
        only: only === undefined ? null : new Set(only),
        containers: 0,
        generation: String(generation),
      });
      assert.equal(answer.kind, 'ok', JSON.stringify(answer));
      return answer.kind !== 'ok'
        ? ''
        : answer.containers.map(({ name, network }) => `${name} ${network}`).join(', ');
    },
    asked: () => {
      const all = [...docker.inspected.values()].reduce((sum, count) => sum + count, 0);
      const more = all - before;
      before = all;
      return more;
    },
  });
  try {
    await work(host);
  } finally {
    await docker.stop();
  }
}

const sound = 'web own, web-ssh shared';
const cut = 'web own, web-ssh cut off';

describe('a base that was started again', () => {
  for (const [what, ago] of [
    ['just now', 0.4],
    ['seconds ago', 20],
    ['a minute ago', 90],
    ['minutes ago', 20 * minute],
    ['hours ago', 3 * hour],
  ] as const) {
    test(`${what}: its services are cut off`, () =>
      onHost(async (host) => {
        host.addDecky('web', ['ssh'], long);
        host.restart('web', host.now - ago);
        assert.equal(await host.look(), cut);
      }));

    test(`${what}, and its services just after it: they are sound`, () =>
      onHost(async (host) => {
        host.addDecky('web', ['ssh'], long);
        host.restart('web', host.now - ago);
        host.restart('web-ssh', host.now - ago + 0.2);
        assert.equal(await host.look(), sound);
      }));

    test(`${what}, and its services just before it: they are cut off`, () =>
      onHost(async (host) => {
        host.addDecky('web', ['ssh'], long);
        host.restart('web-ssh', host.now - ago - 0.2);
        host.restart('web', host.now - ago);
        assert.equal(await host.look(), cut);
      }));
  }

  test('and again, however soon: what was remembered does not count', () =>
    onHost(async (host) => {
      host.addDecky('web', ['ssh'], long);
      host.restart('web', host.now - 1);
      host.restart('web-ssh', host.now - 0.5);
      assert.equal(await host.look(), sound);
      host.restart('web', host.now);
      host.now += 1;
      assert.equal(await host.look(), cut);
      host.now += 20 * minute;
      assert.equal(await host.look(), cut);
      host.restart('web-ssh', host.now - 3);
      assert.equal(await host.look(), sound);
      host.now += 3 * hour;
      assert.equal(await host.look(), sound);
      host.restart('web', host.now - 2);
      assert.equal(await host.look(), cut);
    }));

  test('is inspected once, when it runs for longer than a restart loop lasts', () =>
    onHost(async (host) => {
      host.addDecky('web', ['ssh', 'ftp'], long);
      host.addDecky('mail', ['imap'], long);
      host.restart('web', host.now - 20 * minute);
      const expected = 'web own, web-ssh cut off, web-ftp cut off, mail own, mail-imap shared';
      assert.equal(await host.look(), expected);
      assert.equal(host.asked(), 2, 'both bases');
      for (const wait of [1, 30, 5 * minute, hour, 40 * hour]) {
        host.now += wait;
        assert.equal(await host.look(), expected);
        assert.equal(await host.look(['web']), expected);
        assert.equal(host.asked(), 0, `after ${wait} s`);
      }
    }));
});

describe('the base of a running service', () => {
  test('runs for the first time, whenever the service was started', () =>
    onHost(async (host) => {
      host.addDecky('web', ['ssh'], host.now - 3);
      assert.equal(await host.look(), sound);
      host.restart('web-ssh', host.now);
      assert.equal(await host.look(), sound);
    }));

  for (const [what, state] of [
    ['has exited', 'exited'],
    ['was never started', 'created'],
    ['starts again and again', 'restarting'],
    ['is dead', 'dead'],
  ] as const)
    test(what, () =>
      onHost(async (host) => {
        host.addDecky('web', ['ssh'], long);
        Object.assign(host.containers[0] ?? {}, { state, finishedAt: host.now });
        assert.equal(await host.look(), cut);
      }),
    );

  test('is gone', () =>
    onHost(async (host) => {
      host.addDecky('web', ['ssh'], long);
      host.containers.shift();
      assert.equal(await host.look(), 'web-ssh cut off');
      assert.equal(host.asked(), 0, 'a whole listing shows it');
    }));

  test('is not in a listing of some deckies: it is asked for', () =>
    onHost(async (host) => {
      host.addDecky('web', ['ssh'], long);
      host.edit.listed = (one, query) =>
        query.includes('filters') && String(one.Names) === '/web' ? null : one;
      assert.equal(await host.look(['web']), 'web-ssh shared');
      host.restart('web', host.now - 1);
      assert.equal(await host.look(['web']), 'web-ssh cut off');
      host.containers.shift();
      assert.equal(await host.look(['web']), 'web-ssh cut off');
      assert.equal(host.asked(), 3);
    }));

  test('is not known, since no listed container has an id', () =>
    onHost(async (host) => {
      host.addDecky('web', ['ssh'], long);
      host.edit.listed = ({ Id: _, ...one }) => one;
      assert.equal(await host.look(), 'web own, web-ssh unverified');
    }));

  test('is named instead of its id', () =>
    onHost(async (host) => {
      host.add('web', { createdAt: long });
      host.add('web-ssh', { createdAt: long, mode: 'container:web', decky: 'web', service: 'ssh' });
      assert.equal(await host.look(), sound);
      host.restart('web', host.now - 5);
      assert.equal(await host.look(), cut);
    }));
});

describe('an engine', () => {
  test('that shows no network modes, as Podman: nothing is cut off', () =>
    onHost(async (host) => {
      host.addDecky('web', ['ssh'], long);
      host.restart('web', host.now - 5);
      host.edit.listed = ({ HostConfig: _, ...one }) => one;
      assert.equal(await host.look(), 'web own, web-ssh own');
    }));

  for (const [what, answer] of [
    ['refuses', 500],
    ['forbids', 403],
    ['answers nothing of use', {}],
    ['answers with other types', { State: { StartedAt: 7, Running: 'yes' }, RestartCount: '3' }],
    ['answers with times that are none', { State: { StartedAt: 'soon', Running: true } }],
  ] as const)
    test(`that ${what}: the network is not verified, and later it is`, () =>
      onHost(async (host) => {
        host.addDecky('web', ['ssh'], long);
        host.restart('web', host.now - 20);
        host.restart('web-ssh', host.now - 19.8);
        host.edit.inspected = () => answer;
        assert.equal(await host.look(), 'web own, web-ssh unverified');
        host.edit.inspected = (one) => one;
        assert.equal(await host.look(), sound);
      }));

  test('that answers late does not delay a pass for long', () =>
    onHost(
      async (host) => {
        for (let at = 0; at < 60; at++) host.addDecky(`d${at}`, ['ssh'], long);
        for (let at = 0; at < 60; at++) host.restart(`d${at}`, host.now - 20 * minute);
        host.edit.inspected = () => new Promise(() => undefined);
        const from = performance.now();
        const found = await host.look();
        assert.ok(performance.now() - from < 2500, `${performance.now() - from} ms`);
        assert.ok(host.asked() < 60);
        assert.match(found, /d0-ssh cut off/, 'the listing shows it, too');
      },
      { askMs: 300 },
    ));

  test('with more than one pass may inspect: later passes do the rest', () =>
    onHost(async (host) => {
      const count = 450;
      for (let at = 0; at < count; at++) host.addDecky(`d${at}`, ['ssh'], long);
      for (let at = 0; at < count; at++) {
        host.restart(`d${at}`, host.now - 20 * minute);
        host.restart(`d${at}-ssh`, host.now - 20 * minute + 0.2);
      }
      const unverified: number[] = [];
      for (let pass = 0; pass < 8; pass++) {
        const found = await host.look();
        unverified.push(found.split('unverified').length - 1);
        assert.ok(host.asked() <= 200);
        assert.ok(!found.includes('cut off'));
      }
      assert.ok((unverified[0] ?? 0) > 200, String(unverified));
      assert.equal(unverified.at(-1), 0, String(unverified));
      await host.look();
      assert.equal(host.asked(), 0, 'everything is remembered');
    }));
});

describe('a container that ended with 128', () => {
  const error = 'cannot join network of a non running container: abc';
  const ends = (one: Kept | undefined, at: number, why: string): void =>
    void Object.assign(one ?? {}, { state: 'exited', exitCode: 128, finishedAt: at, error: why });
  const answered = async (host: Host): Promise<boolean | undefined> => {
    const engine = dockerEngine(settingsOf(host));
    const answer = await engine.list({ only: null, containers: 0, generation: '1' });
    return answer.kind === 'ok'
      ? answer.containers.find(({ name }) => name === 'web-ssh')?.startedBeforeBase
      : undefined;
  };

  test('was started before its base, if Docker says so', () =>
    onHost(async (host) => {
      host.addDecky('web', ['ssh'], long);
      ends(host.containers[1], host.now - 9, error);
      assert.equal(await answered(host), true);
      ends(host.containers[1], host.now - 9, 'something else');
      assert.equal(await answered(host), false);
      Object.assign(host.containers[1] ?? {}, { exitCode: 1, error });
      assert.equal(await answered(host), false, 'another code');
    }));

  test('is inspected, though it was while it ran, and then no more', () =>
    onHost(async (host) => {
      host.addDecky('web', ['ssh'], long);
      host.restart('web', host.now - 20);
      host.restart('web-ssh', host.now - 19.8);
      assert.equal(await host.look(), sound);
      ends(host.containers[1], host.now, error);
      host.now += 20 * minute;
      host.inspected.clear();
      const observations = [await host.look(), await host.look()];
      assert.deepEqual(observations, ['web own, web-ssh unverified', 'web own, web-ssh unverified']);
      assert.equal(host.inspected.get('web-ssh'), 1);
    }));
});
