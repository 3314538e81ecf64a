import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { type BusServer, busServer } from '../harness/bus-server.ts';
import { type Running, start } from '../harness/cli.ts';
import { noEngine, serviceLabels, type TestEngine, testEngine } from '../harness/docker.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { rowsOf } from '../harness/pass.ts';
import { type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

/** Five times the two seconds within which a change reaches its row. */
const promisedMs = 10_000;

// No schedule comes to help, and nothing but the change itself.
describe('what DECNET does on a host reaches the row as fast as a crash', { skip: noEngine }, () => {
  let engine: TestEngine;
  let store: TestStore;
  let host: TestHost;
  let bus: BusServer;
  let worker: Running | null = null;
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-living-'));
  before(async () => {
    engine = await testEngine();
    bus = await busServer(join(directory, 'bus.sock'));
  });
  after(async () => {
    await engine.stop();
    await bus.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    store = await testStore('postgres');
    host = testHost();
    host.write([declaredDecky('web', ['ssh', 'http']), declaredDecky('mail')]);
    const hourAgo = new Date(Date.now() - 3_600_000);
    utimesSync(host.stateFile, hourAgo, hourAgo);
    await make('web', ['ssh', 'http']);
    await make('mail', ['ssh']);
    bus.subscribed.length = 0;
    const env = host.env({
      ...store.env,
      DOCKER_HOST: engine.host,
      DECNET_INTERVAL: '86400',
      DECNET_ROLLOUT: '900',
      DECNET_BUS_SOCKET: bus.path,
    });
    worker = start([], env, 'worker.ts');
    await row('web', 'running');
    await row('mail', 'running');
    await waitFor(() => bus.subscribed.includes('decky.*.lifecycle'));
  });
  afterEach(async () => {
    worker?.child.kill('SIGTERM');
    const ended = await worker?.finished;
    worker = null;
    await engine.removeAll();
    host.remove();
    await store.drop();
    assert.equal(ended?.code, 0, String(ended?.stderr));
  });

  /** Makes a decky as DECNET does: its services use the network of its base. */
  async function make(name: string, services: readonly string[]): Promise<void> {
    await engine.make({ name });
    for (const service of services) await makeService(name, service);
  }
  const makeService = (name: string, service: string) =>
    engine.make({ name: `${name}-${service}`, labels: serviceLabels(name, service), joins: name });
  const remove = (name: string): Promise<void> => engine.container(name).remove({ force: true });

  /** Waits until a row has this state, and an error that holds these words. */
  const row = (name: string, state: string, words: string | null = null): Promise<void> =>
    waitFor(async () => {
      const found = (await rowsOf(store.db)).find((one) => one.name === name);
      const isSo =
        found?.state === state &&
        (words === null ? found.last_error === null : found.last_error?.includes(words));
      if (isSo === true) return true;
      throw new Error(`${name} is ${found?.state}: ${found?.last_error}\n${worker?.output()}`);
    }, promisedMs);

  test('a crash, to compare', async () => {
    await engine.container('mail-ssh').kill();
    await row('mail', 'failed', 'ssh: exited, code 137');
  });

  test('a base is started again, and then its services', async () => {
    await engine.container('web').restart({ t: 0 });
    await row('web', 'failed', 'ssh: cut off from its network; http: cut off from its network');
    await engine.container('web-ssh').restart({ t: 0 });
    await row('web', 'degraded', 'http: cut off from its network');
    await engine.container('web-http').restart({ t: 0 });
    await row('web', 'running');
  });

  test('a base is made anew', async () => {
    await remove('web');
    await row('web', 'failed', 'cut off');
    await engine.make({ name: 'web' });
    await engine.container('mail').restart({ t: 0 });
    await row('mail', 'failed', 'ssh: cut off from its network');
    await row('web', 'failed', 'cut off');
    for (const service of ['ssh', 'http']) {
      await remove(`web-${service}`);
      await makeService('web', service);
    }
    await row('web', 'running');
  });

  test('a rotation is reported', async () => {
    await remove('web-http');
    await row('web', 'degraded', 'http: no container');
    bus.send('decky.web.mutation', {
      decky: 'web',
      old_services: ['ssh', 'http'],
      new_services: ['ssh'],
      trigger: 'interval',
    });
    await row('web', 'running');
    const [, web] = await rowsOf(store.db);
    assert.deepEqual(web?.services, ['ssh']);
    await engine.container('web-ssh').kill();
    await row('web', 'failed', 'ssh: exited, code 137');
  });

  test('a deployment is reported to run, and to have failed', async () => {
    for (const name of ['web', 'web-ssh', 'web-http', 'mail', 'mail-ssh']) await remove(name);
    await row('web', 'torn_down', 'no container');
    await row('mail', 'torn_down', 'no container');
    const say = (status: string): void => bus.send('decky.mail.lifecycle', { operation: 'deploy', status });
    say('running');
    await row('web', 'pending', 'deploying');
    await row('mail', 'pending', 'deploying');
    say('failed');
    await row('web', 'torn_down', 'its deployment failed');
    await row('mail', 'torn_down', 'its deployment failed');
    await make('mail', ['ssh']);
    await row('mail', 'running');
  });
});
