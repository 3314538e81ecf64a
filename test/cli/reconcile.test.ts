import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { postgresLedger } from '../../src/database/ledger/ledger.ts';
import { openDatabase } from '../../src/database/orm.ts';
import { dockerEngine } from '../../src/docker/engine.ts';
import { thisMachine } from '../../src/docker/identity.ts';
import type { JobResult } from '../../src/fleet/job.ts';
import { noHearing } from '../../src/pass/observe.ts';
import { pass } from '../../src/pass/pass.ts';
import { stateFileReader } from '../../src/state-file/read.ts';
import { cli, cliJson, type Env, start } from '../harness/cli.ts';
import {
  type FixtureDecky,
  noEngine,
  serviceLabels,
  type TestEngine,
  testEngine,
} from '../harness/docker.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { settingsOf } from '../harness/hostile-engine.ts';
import { fixture, rowsOf, statesOf } from '../harness/pass.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { noStore, stores, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

interface PlanJson {
  readonly host_uuid: string;
  readonly docker: string;
  readonly changes: readonly {
    action: string;
    name: string;
    from_state: string | null;
    to_state: string | null;
    reason: string;
  }[];
  readonly held: readonly { name: string; reason: string }[];
}

for (const kind of stores) {
  describe(`the command line with a real engine, queues on ${kind}`, {
    skip: noEngine || noStore(kind),
  }, () => {
    let engine: TestEngine;
    let store: TestStore;
    let host: TestHost;
    let env: Env;
    before(async () => {
      engine = await testEngine();
    });
    after(() => engine.stop());
    beforeEach(async () => {
      store = await testStore(kind);
      host = testHost();
      env = host.env({ ...store.env, DOCKER_HOST: engine.host });
    });
    afterEach(async () => {
      await engine.removeAll();
      host.remove();
      await store.drop();
    });

    const reconcile = (...args: string[]): Promise<JobResult> =>
      jsonHere(['reconcile', '--once', '--json', ...args], env);
    const planOf = (): Promise<PlanJson> => jsonHere(['plan', '--json'], env);
    const reasonsOf = async () =>
      Object.fromEntries(
        (await rowsOf(store.db)).map(({ name, state, last_error }) => [name, [state, last_error]]),
      );

    /** As another worker of this host would; a stopped worker blocks the queue, not the transaction. */
    const passMeanwhile = async (): Promise<void> => {
      const docker = dockerEngine(settingsOf(engine));
      const database = await openDatabase(store.db.url);
      try {
        await pass(
          { host_uuid: 'local' },
          'meanwhile',
          {
            ledger: postgresLedger(database, { version: 'test', historyDays: 30, intervalSeconds: 30 }),
            stateFile: stateFileReader(host.stateFile, 'local'),
            engine: docker,
            machine: thisMachine(async () => (await docker.info()).id),
            hearing: noHearing,
            decnet: null,
            bus: { publish: () => undefined },
          },
          { graceSeconds: 300, rolloutSeconds: 0 },
        );
      } finally {
        await database.close();
      }
    };

    /** Restarted three times, seconds after its creation, so that Docker's times in whole seconds show it. */
    const loops = (name: string): Promise<void> =>
      waitFor(async () => {
        const { RestartCount, Created } = await engine.container(name).inspect();
        return RestartCount >= 3 && Date.now() - Date.parse(Created) > 5000;
      }, 60_000);

    test('a fixture that DECNET wrote: inserted, killed, removed, then no changes', async () => {
      host.writeText(fixture('unihost-3.decnet-state.json'));
      await engine.makeFixture(JSON.parse(fixture('unihost-3.containers.json')) as FixtureDecky[]);
      const once = ['reconcile', '--once', '--json'];
      const first = await cliJson<JobResult>(once, env);
      assert.deepEqual([first.inserted, first.docker], [3, 'ok']);
      assert.deepEqual(await statesOf(store.db), [
        'file-store running',
        'mail-gw running',
        'web-front running',
      ]);

      await engine.container('web-front-ssh').kill();
      const planned = await cli(['plan'], env);
      assert.equal(planned.code, 2);
      assert.match(planned.stdout, /~ web-front +running -> degraded +ssh: exited, code 137 \(killed\)/);
      assert.equal((await reconcile()).state_updated, 1);
      assert.deepEqual((await reasonsOf())['web-front'], ['degraded', 'ssh: exited, code 137']);

      const file = JSON.parse(fixture('unihost-3.decnet-state.json'));
      file.config.deckies.shift();
      host.writeText(JSON.stringify(file));
      assert.equal((await reconcile()).deleted, 1);
      const rows = await rowsOf(store.db);
      assert.deepEqual(
        rows.map(({ name }) => name),
        ['file-store', 'mail-gw'],
      );

      const quiet = await reconcile();
      assert.deepEqual(
        [quiet.inserted, quiet.deleted, quiet.state_updated, quiet.config_updated],
        [0, 0, 0, 0],
      );
      assert.deepEqual(await rowsOf(store.db), rows);
      assert.equal((await runHere(['plan'], env)).code, 0);
    });

    // What Docker shows does not depend on where the queues are, and PostgreSQL is on each machine.
    if (kind === 'postgres') {
      for (const name of ['unihost-flags-12', 'swarm-worker-4']) {
        test(`fixture ${name} converges`, async () => {
          const text = fixture(`${name}.decnet-state.json`);
          host.writeText(text);
          const deckies = JSON.parse(text).config.deckies as { name: string; host_uuid: string | null }[];
          await engine.makeFixture(JSON.parse(fixture(`${name}.containers.json`)) as FixtureDecky[]);
          const uuid = deckies[0]?.host_uuid ?? 'local';
          env = { ...env, DECNET_HOST_UUID: uuid };
          assert.equal((await reconcile()).inserted, deckies.length);
          const states = await statesOf(store.db, uuid);
          assert.deepEqual(states, deckies.map((decky) => `${decky.name} running`).sort());
          assert.equal((await runHere(['plan'], env)).code, 0);
        });
      }

      test('each state that Docker can show', async () => {
        const names = [
          'up',
          'exited',
          'killed',
          'paused',
          'unhealthy',
          'looping',
          'created',
          'removed',
          'half',
          'headless',
          'only',
        ];
        host.write(
          names.map((name) =>
            declaredDecky(name, name === 'half' ? ['ssh', 'http'] : name === 'only' ? ['sniffer'] : ['ssh']),
          ),
        );
        const labels = (name: string) => serviceLabels(name, 'ssh');
        await engine.makeDecky('up', ['ssh']);
        await engine.make({ name: 'exited-ssh', labels: labels('exited'), command: 'exit 3' });
        await engine.makeDecky('killed', ['ssh']);
        await engine.makeDecky('paused', ['ssh']);
        await engine.make({ name: 'unhealthy-ssh', labels: labels('unhealthy'), health: 'exit 1' });
        await engine.make({
          name: 'looping-ssh',
          labels: labels('looping'),
          command: 'sleep 0.1; exit 1',
          restart: true,
        });
        await engine.make({ name: 'created-ssh', labels: labels('created'), started: false });
        await engine.makeDecky('removed', ['ssh']);
        await engine.makeDecky('half', ['ssh']);
        await engine.makeDecky('headless', ['ssh']);
        await engine.make({ name: 'only' });
        await engine.container('killed-ssh').kill();
        await engine.container('paused-ssh').pause();
        await engine.container('removed-ssh').remove({ force: true });
        await engine.container('removed').remove({ force: true });
        await engine.container('headless').kill();
        await waitFor(async () => (await engine.container('exited-ssh').inspect()).State.Status === 'exited');
        await waitFor(
          async () =>
            (await engine.container('unhealthy-ssh').inspect()).State.Health?.Status === 'unhealthy',
        );
        await loops('looping-ssh');

        assert.equal((await reconcile()).inserted, names.length);
        assert.deepEqual(await reasonsOf(), {
          up: ['running', null],
          exited: ['failed', 'ssh: exited, code 3'],
          killed: ['failed', 'ssh: exited, code 137'],
          paused: ['failed', 'ssh: paused'],
          unhealthy: ['degraded', 'ssh: unhealthy'],
          looping: ['degraded', 'ssh: restart loop'],
          created: ['failed', 'ssh: created'],
          removed: ['torn_down', 'no container'],
          half: ['degraded', 'http: no container'],
          headless: ['degraded', 'base container: exited, code 137'],
          only: ['running', null],
        });
        await engine.container('paused-ssh').unpause();
        assert.equal((await reconcile()).state_updated, 1);
      });

      test('a restart loop never flaps', async () => {
        host.write([declaredDecky('loop')]);
        await engine.make({
          name: 'loop-ssh',
          labels: serviceLabels('loop', 'ssh'),
          command: 'sleep 0.5; exit 1',
          restart: true,
        });
        await loops('loop-ssh');
        for (let times = 0; times < 6; times++) {
          await reconcile();
          assert.deepEqual((await reasonsOf()).loop, ['degraded', 'ssh: restart loop']);
        }
        assert.equal((await store.db.query('select 1 from fleet_transitions')).length, 1);
      });

      test('the label is used, not the name', async () => {
        host.write([declaredDecky('web', ['ssh-http']), declaredDecky('web-ssh', ['http'])]);
        await engine.make({ name: 'web-ssh-http', labels: serviceLabels('web', 'ssh-http') });
        await reconcile();
        assert.deepEqual(await statesOf(store.db), ['web running', 'web-ssh torn_down']);
      });
    }

    test('a dry run and a plan write nothing', async () => {
      host.write([declaredDecky('web')]);
      const result = await reconcile('--dry-run');
      assert.deepEqual([result.inserted, result.dry_run], [1, true]);
      const { host_uuid, docker, changes, held } = await planOf();
      assert.deepEqual(
        { host_uuid, docker, changes, held },
        {
          host_uuid: 'local',
          docker: 'ok',
          changes: [
            {
              action: 'insert',
              name: 'web',
              from_state: null,
              to_state: 'torn_down',
              reason: 'no container',
            },
          ],
          held: [],
        },
      );
      for (const table of ['fleet_deckies', 'fleet_hosts', 'fleet_transitions']) {
        assert.deepEqual(await store.db.query(`select 1 from ${table}`), [], table);
      }
    });

    test('a pass prints its counts', async () => {
      host.write([declaredDecky('web')]);
      const { code, stdout, stderr } = await cli(['reconcile', '--once'], env);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /inserted=1 deleted=0 state_updated=0/);
      assert.equal(stdout.trim().split('\n').length, 1);
    });

    test('a job for another host without a worker: a clear error, and no job stays behind', async () => {
      const { code, stdout, stderr } = await runHere(
        ['reconcile', '--once', '--json', '--host', 'peer', '--timeout', '1'],
        env,
      );
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(
        stderr,
        /^decnet-fleet: No worker of host peer took the job within 1 s\. The job was removed/,
      );
      const again = await start(['--drain'], { ...env, DECNET_HOST_UUID: 'peer' }, 'worker.ts').finished;
      assert.equal(again.code, 0);
      assert.deepEqual(
        await store.db.query(`select 1 from fleet_hosts where host_uuid = 'peer' and turn > 0`),
        [],
      );
    });

    test('a running worker takes the job, and --drain runs the waiting jobs', async () => {
      host.write([declaredDecky('web')]);
      const worker = start([], env, 'worker.ts');
      await waitFor(async () => (await statesOf(store.db)).length === 1);
      host.write([declaredDecky('web'), declaredDecky('mail')]);
      // This command has no state file: the worker's file is used.
      const result = await jsonHere<JobResult>(['reconcile', '--once', '--json'], {
        ...env,
        DECNET_STATE_FILE: '/nonexistent/x',
      });
      assert.equal(result.host_uuid, 'local');
      // Either this job observed the change, or the worker did by following its file.
      assert.ok((await statesOf(store.db)).some((row) => row.startsWith('mail ')));
      worker.child.kill('SIGTERM');
      assert.equal((await worker.finished).code, 0);

      const waiting = start(['reconcile', '--once', '--json', '--host', 'other', '--timeout', '60'], env);
      const drain = async () =>
        start(['--drain'], { ...env, DECNET_HOST_UUID: 'other' }, 'worker.ts').finished;
      await waitFor(async () => {
        assert.equal((await drain()).code, 0);
        return waiting.child.exitCode !== null;
      });
      assert.equal((await waiting.finished).code, 0);
    });

    test('a pass that was stopped between observing and writing overwrites nothing', async () => {
      host.write([declaredDecky('web')]);
      await engine.makeDecky('web', ['ssh']);
      await reconcile();
      // The engine is stopped, so that the pass waits while observing.
      process.kill(engine.pid, 'SIGSTOP');
      const old = start(['reconcile', '--once', '--json', '--timeout', '60'], env);
      try {
        await new Promise((done) => setTimeout(done, 1500));
        old.child.kill('SIGSTOP');
        process.kill(engine.pid, 'SIGCONT');
        await new Promise((done) => setTimeout(done, 300));
        await engine.container('web-ssh').kill();
        await passMeanwhile();
        assert.deepEqual((await reasonsOf()).web, ['failed', 'ssh: exited, code 137']);
      } finally {
        process.kill(engine.pid, 'SIGCONT');
        old.child.kill('SIGCONT');
        await old.finished;
      }
      assert.deepEqual((await reasonsOf()).web, ['failed', 'ssh: exited, code 137']);
      const history = await store.db.query('select to_state from fleet_transitions order by id');
      assert.deepEqual(
        history.map(({ to_state }) => to_state),
        ['running', 'failed'],
      );
    });

    test('an engine that is down: pending, no state is changed, exit 0, and the summary shows it', async () => {
      host.write([declaredDecky('web')]);
      const down = { ...env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
      const { code, stdout } = await runHere(['reconcile', '--once'], down);
      assert.equal(code, 0);
      assert.match(stdout, /inserted=1 .*docker=unreachable \(no state was changed\)/);
      assert.deepEqual(await statesOf(store.db), ['web pending']);
    });

    test('an engine that hangs is given up after its time limit', async () => {
      host.write([declaredDecky('web')]);
      process.kill(engine.pid, 'SIGSTOP');
      try {
        const result = await reconcile();
        assert.deepEqual([result.docker, result.inserted], ['unreachable', 1]);
        assert.ok(result.duration_ms < 50_000, String(result.duration_ms));
      } finally {
        process.kill(engine.pid, 'SIGCONT');
      }
    });

    test('a broken file: exit 1, one line with file and field, and states are updated', async () => {
      host.write([declaredDecky('web')]);
      await engine.makeDecky('web', ['ssh']);
      await reconcile();
      await engine.container('web-ssh').kill();
      host.write([declaredDecky('web'), declaredDecky('web')]);
      const { code, stdout, stderr } = await runHere(['reconcile', '--once', '--json'], env);
      assert.deepEqual([code, stdout], [1, '']);
      assert.equal(
        stderr
          .trim()
          .split('\n')
          .filter((line) => line.startsWith('decnet-fleet:')).length,
        1,
      );
      assert.match(
        stderr,
        /decnet-state\.json: config\.deckies\[1\]\.name "web" is already that of config\.deckies\[0\]/,
      );
      assert.deepEqual((await reasonsOf()).web, ['failed', 'ssh: exited, code 137']);
      assert.equal((await runHere(['plan'], env)).code, 1);
    });
  });
}
