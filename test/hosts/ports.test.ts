import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { report } from '../../src/database/queries/report.ts';
import { dockerEngine } from '../../src/docker/engine.ts';
import { pass } from '../../src/pass/pass.ts';
import { cli } from '../harness/cli.ts';
import { noEngine, serviceLabels, type TestEngine, testEngine } from '../harness/docker.ts';
import { decky, declared } from '../harness/facts.ts';
import { type TestHost, testHost } from '../harness/host.ts';
import { settingsOf } from '../harness/hostile-engine.ts';
import { noNamespaces, runIn, tcp } from '../harness/namespace.ts';
import { type Bench, bench, rowsOf } from '../harness/pass.ts';

const settings = { graceSeconds: 300, rolloutSeconds: 0 };

describe('ports on a real engine', { skip: noEngine || noNamespaces }, () => {
  let it: Bench;
  let engine: TestEngine;
  let machine: TestHost;
  before(async () => {
    [it, engine] = await Promise.all([bench(), testEngine()]);
    machine = testHost();
    it.desired = declared(decky('web', ['ssh', 'http']));
    await engine.make({ name: 'web' });
    for (const service of ['ssh', 'http'])
      await engine.make({
        name: `web-${service}`,
        labels: serviceLabels('web', service),
        joins: 'web',
      });
    checked = dockerEngine(settingsOf(engine), {}, true);
  });
  after(async () => {
    await it?.close();
    await engine?.stop();
    machine?.remove();
  });
  let checked: ReturnType<typeof dockerEngine>;

  /** A pass, and what it wrote. */
  const look = async (listening = checked) => {
    const ports = { ...it.ports, engine: listening };
    const { plan } = await pass({ host_uuid: 'local' }, 'look', ports, settings);
    const [row] = await rowsOf(it.db);
    const [host] = await report(it.database.query, 30).hosts('local');
    return {
      state: row?.state,
      reason: row?.last_error ?? null,
      recheckMs: plan.requeueAfterMs.get('web') ?? null,
      unchecked: host?.ports_unchecked,
    };
  };
  const pidOf = async (name: string): Promise<number> => (await engine.container(name).inspect()).State.Pid;

  test('a service that does not listen is reported after two checks, and runs once it listens', async () => {
    const ssh = await runIn(await pidOf('web'), tcp(22));
    // So that the containers are old enough.
    await sleep(((await look()).recheckMs ?? 0) + 1000);
    const first = await look();
    assert.deepEqual([first.state, first.unchecked], ['running', null]);
    assert.ok(first.recheckMs !== null && first.recheckMs <= 10_000, String(first.recheckMs));
    await sleep(first.recheckMs);
    const second = await look();
    assert.deepEqual([second.state, second.reason], ['degraded', 'http: nothing listens on 80 or 443']);
    const http = await runIn(await pidOf('web'), tcp(443));
    assert.deepEqual(await look(), { state: 'running', reason: null, recheckMs: null, unchecked: null });
    await Promise.all([ssh.end(), http.end()]);
  });

  test('with the check off nothing is said of a decky, and why of the host', async () => {
    const { state, unchecked } = await look(dockerEngine(settingsOf(engine)));
    assert.deepEqual([state, unchecked], ['running', 'DECNET_CHECK_PORTS is off']);
  });

  test('a base that was started again has another process, and cuts its services off first', async () => {
    await engine.container('web').restart({ t: 0 });
    const { state, reason } = await look();
    assert.equal(state, 'failed');
    assert.match(reason ?? '', /^ssh: cut off from its network; http: cut off/);
    for (const service of ['ssh', 'http']) await engine.container(`web-${service}`).restart({ t: 0 });
    const ssh = await runIn(await pidOf('web'), tcp(22) + tcp(80));
    await sleep(12_000);
    assert.deepEqual(await look(), { state: 'running', reason: null, recheckMs: null, unchecked: null });
    await ssh.end();
  });

  for (const [value, verdict, text] of [
    ['true', 'ok', /^checked in the networks of 1 base container$/],
    ['false', 'ok', /^Ports are not checked: DECNET_CHECK_PORTS is off$/],
  ] as const)
    test(`doctor with DECNET_CHECK_PORTS=${value}`, async () => {
      const env = machine.env({
        DATABASE_URL: it.db.url,
        DOCKER_HOST: engine.host,
        DECNET_CHECK_PORTS: value,
      });
      const { stdout, stderr } = await cli(['doctor', '--json'], env);
      const { checks } = JSON.parse(stdout) as { checks: { part: string; verdict: string; text: string }[] };
      const found = checks.find(({ part }) => part === 'ports');
      assert.equal(found?.verdict, verdict, stderr);
      assert.match(found?.text ?? '', text);
    });
});
