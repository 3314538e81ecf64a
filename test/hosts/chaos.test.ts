import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { drawOne, type Random, seededRandom } from '../../src/builder/random.ts';
import { type Env, type Running, start } from '../harness/cli.ts';
import { noEngine, type TestEngine, testEngine } from '../harness/docker.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { runHere } from '../harness/run-here.ts';
import { seed } from '../harness/seed.ts';
import { noStore, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const names = ['web', 'mail', 'files', 'print', 'phone'];
const forSeconds = 60;

interface Machine {
  readonly name: string;
  readonly engine: TestEngine;
  readonly host: TestHost;
  readonly env: Env;
  /** Its acts follow from the run's seed; when they meet the others' is the machine's. */
  readonly random: Random;
  worker?: Running;
}

describe('sixty seconds of random writes to file, containers and table on two hosts', {
  skip: noEngine || noStore('redis'),
}, () => {
  let store: TestStore;
  let machines: readonly Machine[];
  let scheduler: Running | undefined;
  before(async () => {
    store = await testStore('redis');
    machines = await Promise.all(
      ['host-a', 'host-b'].map(async (name, at) => {
        const [engine, host] = [await testEngine(), testHost()];
        const env = host.env({
          ...store.env,
          DOCKER_HOST: engine.host,
          DECNET_HOST_UUID: name,
          DECNET_INTERVAL: '5',
          DECNET_GRACE: '2',
        });
        return { name, engine, host, env, random: seededRandom(seed + at) };
      }),
    );
    await store.db.query(
      `insert into fleet_deckies (host_uuid, name, services, state, updated_at)
       select 'peer', 'decky-' || n, '["ssh"]', 'running', now() - interval '1 day' from generate_series(1, 20) n`,
    );
    for (const machine of machines) {
      machine.host.write([]);
      for (const name of names) await machine.engine.makeDecky(name, ['ssh']);
      machine.worker = start([], machine.env, 'worker.ts');
    }
    scheduler = start([], machines[0]?.env ?? {}, 'scheduler.ts');
  });
  after(async () => {
    scheduler?.child.kill('SIGKILL');
    await scheduler?.finished;
    for (const { worker, engine, host } of machines) {
      worker?.child.kill('SIGKILL');
      await worker?.finished;
      await engine.stop();
      host.remove();
    }
    await store.drop();
  });

  /** One random action. Refusals of the engine (a missing container) are ignored. */
  const act = async ({ name, engine, host, random }: Machine): Promise<void> => {
    const decky = drawOne(random, names);
    const content = JSON.stringify({
      config: { deckies: names.filter(() => random() < 0.7).map((one) => declaredDecky(one)) },
    });
    const acts: readonly (() => unknown)[] = [
      () => host.writeText(content),
      () => host.writeText(content.slice(0, 60)),
      () => {
        writeFileSync(`${host.stateFile}.new`, content);
        renameSync(`${host.stateFile}.new`, host.stateFile);
      },
      () => rmSync(host.stateFile, { force: true }),
      () => engine.container(`${decky}-ssh`).kill(),
      () => engine.container(`${decky}-ssh`).start(),
      () => engine.container(decky).restart({ t: 0 }),
      () => engine.container(`${decky}-ssh`).pause(),
      () => engine.container(`${decky}-ssh`).unpause(),
      () =>
        store.db.query(
          `update fleet_deckies set state = 'running', updated_at = now() where host_uuid = $1 and name = $2`,
          [name, decky],
        ),
      () =>
        store.db.query(`update fleet_deckies set last_error = 'x' where host_uuid = $1 and name = $2`, [
          name,
          decky,
        ]),
      () => store.db.query('delete from fleet_deckies where host_uuid = $1 and name = $2', [name, decky]),
      () =>
        store.db.query(
          `insert into fleet_deckies (host_uuid, name, services, state) values ($1, $2, '["ssh"]', 'pending') on conflict do nothing`,
          [name, decky],
        ),
    ];
    await Promise.resolve(drawOne(random, acts)()).catch(() => undefined);
  };

  test('then quiet: both are what the rules say, and no peer’s row was touched', async () => {
    const peers = () =>
      store.db.query(
        `select md5(string_agg(d::text || xmin::text, '' order by name)) from fleet_deckies d where host_uuid = 'peer'`,
      );
    const untouched = await peers();
    const until = Date.now() + forSeconds * 1000;
    await Promise.all(
      machines.map(async (machine) => {
        while (Date.now() < until) {
          await act(machine);
          await sleep(machine.random() * 200);
        }
      }),
    );
    const declaredNow = names.slice(0, 4);
    for (const { host } of machines) host.write(declaredNow.map((name) => declaredDecky(name)));
    for (const { name, engine, worker, env } of machines) {
      const expected = (
        await Promise.all(
          declaredNow.map(async (decky) => {
            const state = async (of: string): Promise<string> =>
              (await engine.container(of).inspect()).State.Status;
            const [base, ssh] = [await state(decky), await state(`${decky}-ssh`)];
            return `${decky} ${ssh !== 'running' ? 'failed' : base === 'running' ? 'running' : 'degraded'}`;
          }),
        )
      ).sort();
      // Five times one interval; a container that was restarted often counts as looping during its window.
      await waitFor(async () => {
        const rows = await store.db.query(
          `select name || ' ' || state as row, last_error from fleet_deckies where host_uuid = $1 order by name`,
          [name],
        );
        const found = rows.map(({ row, last_error }) =>
          String(last_error).includes('restart loop') ? null : row,
        );
        const agree =
          rows.length === expected.length && found.every((row, at) => row === null || row === expected[at]);
        if (agree) return true;
        throw new Error(
          `${name}: ${JSON.stringify(rows)} where ${expected.join()} is expected\n${worker?.output().slice(-1500)}`,
        );
      }, 25_000);
      // A reason written by another program changes no state; it is also corrected within that time.
      await waitFor(async () => {
        const { code, stdout } = await runHere(['plan'], env);
        assert.equal(code, 0, stdout);
        return true;
      }, 25_000);
    }
    assert.deepEqual(await peers(), untouched);
  });
});
