import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import { type Env, type Running, start } from '../harness/cli.ts';
import { noEngine, serviceLabels, type TestEngine, testEngine } from '../harness/docker.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { rowsOf, statesOf } from '../harness/pass.ts';
import { noStore, stores, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

// Each kind has an engine of its own, and mostly waits for it.
describe('freshness', { concurrency: true }, () => {
  for (const kind of stores)
    describe(`on ${kind}`, { skip: noEngine || noStore(kind), concurrency: 1 }, () => {
      let engine: TestEngine;
      let store: TestStore;
      let host: TestHost;
      let env: Env;
      let worker: Running | null = null;
      before(async () => {
        engine = await testEngine();
      });
      after(() => engine.stop());
      beforeEach(async () => {
        store = await testStore(kind);
        host = testHost();
        // No schedule comes to help: what is seen is seen by following.
        env = host.env({ ...store.env, DOCKER_HOST: engine.host, DECNET_INTERVAL: '86400' });
        host.write([declaredDecky('web'), declaredDecky('mail')]);
        await engine.makeDecky('web', ['ssh']);
        await engine.makeDecky('mail', ['ssh']);
        worker = start([], env, 'worker.ts');
        await waitFor(async () => (await statesOf(store.db)).length === 2);
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

      const becomes = (name: string, state: string): Promise<void> =>
        waitFor(async () => {
          const found = await statesOf(store.db);
          if (found.includes(`${name} ${state}`)) return true;
          throw new Error(`${name} never became ${state}: ${found.join(', ')}\n${worker?.output()}`);
        });
      const fullPasses = async (): Promise<string> => {
        const [found] = await store.db.query('select last_full_pass_at::text as at from fleet_hosts');
        return String(found?.at);
      };

      test('a container is killed, started, paused, removed: the row follows, and nothing is listed in full', async () => {
        const before = await fullPasses();
        await engine.container('web-ssh').kill();
        await becomes('web', 'failed');
        await engine.container('web-ssh').start();
        await becomes('web', 'running');
        await engine.container('web-ssh').pause();
        await becomes('web', 'failed');
        await engine.container('web-ssh').unpause();
        await becomes('web', 'running');
        await engine.container('web').kill();
        await becomes('web', 'degraded');
        await engine.container('web').start();
        await becomes('web', 'running');
        await engine.container('web-ssh').remove({ force: true });
        await engine.container('web').remove({ force: true });
        await becomes('web', 'torn_down');
        await engine.makeDecky('web', ['ssh']);
        await becomes('web', 'running');
        assert.equal(await fullPasses(), before);
        assert.ok((await statesOf(store.db)).includes('mail running'));
      });

      test('health changes', async () => {
        await engine.container('web-ssh').remove({ force: true });
        await engine.make({
          name: 'web-ssh',
          labels: serviceLabels('web', 'ssh'),
          health: 'test ! -e /sick',
        });
        await becomes('web', 'running');
        const exec = await engine.container('web-ssh').exec({ Cmd: ['/bin/sh', '-c', ': > /sick'] });
        await exec.start({ Detach: true });
        await becomes('web', 'degraded');
      });

      test('the file is written in place, replaced, removed and made again', async () => {
        host.write([declaredDecky('web'), declaredDecky('mail'), declaredDecky('new')]);
        await becomes('new', 'torn_down');
        const before = await fullPasses();
        host.write([declaredDecky('web'), declaredDecky('mail', ['ssh', 'imap']), declaredDecky('new')]);
        await becomes('mail', 'degraded');
        writeFileSync(
          `${host.stateFile}.tmp`,
          JSON.stringify({ config: { deckies: [declaredDecky('web'), declaredDecky('other')] } }),
        );
        renameSync(`${host.stateFile}.tmp`, host.stateFile);
        await becomes('other', 'torn_down');
        await waitFor(async () => (await rowsOf(store.db)).length === 2);
        assert.equal(await fullPasses(), before, 'a change of a few deckies is no full pass');
        rmSync(host.stateFile);
        await waitFor(async () => (await statesOf(store.db)).join() === 'web running');
        host.write([declaredDecky('web'), declaredDecky('again')]);
        await becomes('again', 'torn_down');
      });

      test('the directory of the file is replaced', async () => {
        const aside = `${host.directory}.aside`;
        await rename(host.directory, aside);
        await mkdir(host.directory);
        writeFileSync(
          join(host.directory, 'decnet-state.json'),
          JSON.stringify({ config: { deckies: [declaredDecky('moved')] } }),
        );
        await becomes('moved', 'torn_down');
        host.write([declaredDecky('moved'), declaredDecky('later')]);
        await becomes('later', 'torn_down');
        await rm(aside, { recursive: true });
      });

      test('a burst is a handful of passes, and the last state is right', async () => {
        const generation = async (): Promise<number> =>
          Number((await store.db.query('select turn::int from fleet_hosts'))[0]?.turn);
        const before = await generation();
        // The host is locked meanwhile, so that the events come while one pass runs; it waits for 20 s.
        const holder = new pg.Client({ connectionString: store.db.url });
        await holder.connect();
        try {
          await holder.query('begin');
          await holder.query('select 1 from fleet_hosts for update');
          for (let times = 0; times < 6; times++) await engine.container('web-ssh').restart({ t: 0 });
          await engine.container('web-ssh').kill();
        } finally {
          await holder.end();
        }
        await becomes('web', 'failed');
        await new Promise((done) => setTimeout(done, 500));
        const count = (await generation()) - before;
        // On a busy machine the events come in more than one burst.
        assert.ok(count < 9, `${count} passes for 6 restarts and a kill, which are 13 events or more`);
      });

      test('a container that is not a decky’s wakes nobody', async () => {
        const generation = async (): Promise<unknown> =>
          (await store.db.query('select turn from fleet_hosts'))[0]?.turn;
        await new Promise((done) => setTimeout(done, 500));
        const before = await generation();
        await engine.make({ name: 'unrelated-thing' });
        await engine.container('unrelated-thing').kill();
        await new Promise((done) => setTimeout(done, 1000));
        assert.equal(await generation(), before);
      });

      test('an engine that hangs and comes back: what happened meanwhile is seen', async () => {
        process.kill(engine.pid, 'SIGSTOP');
        await new Promise((done) => setTimeout(done, 1000));
        // The container dies while nobody can be notified.
        process.kill(engine.pid, 'SIGCONT');
        await engine.container('mail-ssh').kill();
        await becomes('mail', 'failed');
      });
    });
});
