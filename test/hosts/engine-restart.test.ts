import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Env, type Running, start } from '../harness/cli.ts';
import { noEngine, serviceLabels, type TestEngine, testEngine } from '../harness/docker.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { runHere } from '../harness/run-here.ts';
import { noStore, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';
import { Receiver } from '../notify/scene.ts';

const withinMs = 150_000;

describe('a real engine, and what is reported of it', { skip: noEngine || noStore('postgres') }, () => {
  let engine: TestEngine;
  let store: TestStore;
  let host: TestHost;
  let to: Receiver;
  let running: readonly Running[] = [];

  before(async () => {
    [engine, store] = await Promise.all([testEngine(), testStore('postgres')]);
    host = testHost();
    to = new Receiver();
    await to.start();
    const env: Env = host.env({
      ...store.env,
      DOCKER_HOST: engine.host,
      DECNET_INTERVAL: '1',
      DECNET_BUS_ENABLED: 'false',
      DECNET_WEBHOOK_URL: `http://127.0.0.1:${to.port}/`,
      DECNET_NOTIFY_LOGS: '2',
    });
    assert.equal((await runHere(['migrate'], env)).code, 0);
    for (const name of ['web', 'mail', 'dns']) await engine.makeDecky(name, name === 'dns' ? [] : ['ssh']);
    await engine.make({
      name: 'dns-ssh',
      labels: serviceLabels('dns', 'ssh'),
      command:
        'echo one; echo two; echo three; while [ ! -e /stop ]; do sleep 0.1; done; echo "no space" >&2; exit 3',
    });
    host.write(['web', 'mail', 'dns'].map((name) => declaredDecky(name)));
    running = [start([], env, 'worker.ts'), start([], env, 'scheduler.ts')];
    await waitFor(async () => {
      const rows = await store.db.query(`select 1 from fleet_deckies where state = 'running'`);
      if (rows.length === 3) return true;
      throw new Error(running.map((one) => one.output().slice(-2000)).join('\n'));
    }, withinMs);
  });
  after(async () => {
    for (const one of running) {
      one.child.kill('SIGKILL');
      await one.finished;
    }
    await to.stop();
    await engine.stop();
    host.remove();
    await store.drop();
  });

  const messageAbout = async (decky: string) => {
    const find = () => to.got.find(({ body }) => body.kind === 'decky_down' && body.name === decky)?.body;
    await waitFor(() => {
      if (find() !== undefined) return true;
      throw new Error(to.got.map(({ body }) => String(body.text)).join('\n'));
    }, withinMs);
    return find();
  };

  test('a crash comes with the last lines of its log', async () => {
    const exec = await engine.container('dns-ssh').exec({ Cmd: ['/bin/sh', '-c', ': > /stop'] });
    await exec.start({});
    const body = await messageAbout('dns');
    assert.deepEqual(body?.last_lines, { ssh: ['three', 'no space'] });
    assert.match(String(body?.text), /ssh: exited, code 3/);
    // It is removed, so that the two others are no whole host.
    for (const name of ['dns', 'dns-ssh']) await engine.container(name).remove({ force: true });
    host.write(['web', 'mail'].map((name) => declaredDecky(name)));
    await waitFor(() => to.got.some(({ body: one }) => one.kind === 'decky_removed'), withinMs);
  });

  test('what ended with Docker is reported as that, and what somebody killed right before as that', async () => {
    await engine.container('mail-ssh').kill();
    await engine.restart();
    const [web, mail] = [await messageAbout('web'), await messageAbout('mail')];
    assert.match(String(web?.text), /ssh: exited.*\(Docker was stopped or restarted\)/);
    assert.match(String(mail?.text), /ssh: exited, code 137 \(stopped on request\)/);
    const incident = web?.incident as { cause: string };
    assert.match(incident.cause, /^Docker on host \S+ was stopped or restarted/);
  });
});
