import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { embeddedExists } from '../../src/embedded-postgres/cluster.ts';
import { openEmbedded } from '../../src/embedded-postgres/embedded.ts';
import { type Env, type Running, start } from '../harness/cli.ts';
import { copyDatabase } from '../harness/data-directory.ts';
import { testDatabase } from '../harness/database.ts';
import { declaredDecky, testHost } from '../harness/host.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { ask } from '../harness/servers.ts';
import { copyCluster } from '../harness/services.ts';
import { systemPostgres } from '../harness/system-postgres.ts';
import { waitFor } from '../harness/wait.ts';
import { webEngine } from '../harness/web-engine.ts';
import { Receiver } from '../notify/scene.ts';

/** A database, and what a backup of it is restored into, as settings. */
interface Backup {
  readonly from: Env;
  /** Makes a backup of `from` and restores it. All processes are stopped. */
  restored(): Promise<Env>;
  close(): Promise<void>;
}

/** The way of docs/backup.md for any database. */
async function byDump(directory: string): Promise<Backup> {
  const [from, to] = await Promise.all([testDatabase(), testDatabase({ migrated: false })]);
  return {
    from: { DATABASE_URL: from.url },
    restored: async () => {
      const file = join(directory, 'fleet.dump');
      writeFileSync(file, (await runHere(['dump'], { DATABASE_URL: from.url })).stdout);
      const { code, stderr } = await runHere(['restore', file], { DATABASE_URL: to.url });
      assert.equal(code, 0, stderr);
      assert.equal((await runHere(['migrate'], { DATABASE_URL: to.url })).code, 0);
      return { DATABASE_URL: to.url };
    },
    close: async () => {
      await Promise.all([from.drop(), to.drop()]);
    },
  };
}

const installed = await systemPostgres();

/** With the tools of PostgreSQL, which also back up the queues. */
async function byPgDump(directory: string): Promise<Backup> {
  assert.ok(installed);
  const server = await openEmbedded(join(directory, 'server'), installed.binaries);
  const named = (name: string): string => Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
  for (const name of ['original', 'restored']) await ask(server.url, `create database ${name}`);
  return {
    from: { DATABASE_URL: named('original') },
    restored: async () => {
      const file = join(directory, 'fleet.pgdump');
      await installed.run('pg_dump', ['--format=custom', `--file=${file}`, named('original')]);
      await installed.run('pg_restore', ['--exit-on-error', `--dbname=${named('restored')}`, file]);
      const { code, stderr } = await runHere(['migrate'], { DATABASE_URL: named('restored') });
      assert.equal(code, 0, stderr);
      return { DATABASE_URL: named('restored') };
    },
    close: () => server.close(),
  };
}

/** A copy of the stopped embedded database. */
async function byCopy(directory: string): Promise<Backup> {
  const [from, to] = [join(directory, 'data'), join(directory, 'copy')];
  await copyDatabase(from);
  return {
    from: { DECNET_DATA_DIR: from },
    restored: async () => {
      await copyCluster(from, to);
      return { DECNET_DATA_DIR: to };
    },
    close: async () => {
      for (const dataDir of [from, to])
        if (embeddedExists(dataDir)) await (await openEmbedded(dataDir)).close();
    },
  };
}

interface Change {
  readonly name: string;
  readonly to_state: string | null;
}

async function historyOf(env: Env): Promise<readonly Change[]> {
  return (await jsonHere<{ transitions: readonly Change[] }>(['history', '--json'], env)).transitions;
}

async function ends({ child, finished }: Running): Promise<void> {
  child.kill('SIGTERM');
  const { code, stderr } = await finished;
  assert.equal(code, 0, stderr);
}

describe('a backup that is restored', { concurrency: true }, () => {
  for (const [name, open, skip] of [
    ['dump and restore', byDump, false],
    ['pg_dump and pg_restore', byPgDump, installed === null && 'PostgreSQL: its tools are not installed'],
    ['a copy of the stopped embedded database', byCopy, false],
  ] as const)
    test(`${name}: passes go on, and each message is sent once`, { skip }, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-backup-'));
      chmodSync(directory, 0o755);
      const [engine, backup] = await Promise.all([webEngine(), open(directory)]);
      const host = testHost();
      const to = new Receiver();
      await to.start();
      const kept: Running[] = [];
      const settings = {
        DOCKER_HOST: engine.host,
        DECNET_STATE_FILE: host.stateFile,
        DECNET_WEBHOOK_URL: `http://127.0.0.1:${to.port}/`,
        DECNET_INTERVAL: '86400',
      };
      const up = async (env: Env): Promise<Running> => {
        const running = start(['up', '--port', '0'], env);
        kept.push(running);
        await running.said(/Reconciling every/);
        return running;
      };
      const webRuns = async (env: Env, isRunning: boolean): Promise<void> => {
        engine.webRuns(isRunning);
        assert.equal((await runHere(['reconcile', '--once'], env)).code, 0);
      };
      const sent = (message: string): Promise<void> =>
        waitFor(() => to.kinds.includes(message)).catch(() =>
          assert.fail(`${message} was never sent, only ${to.kinds.join()}\n${kept.at(-1)?.output()}`),
        );
      try {
        host.write([declaredDecky('web')]);
        const before = { ...settings, ...backup.from };
        const first = await up(before);
        await webRuns(before, false);
        await sent('decky_down web');
        to.answer = (response) => void response.writeHead(503).end();
        await webRuns(before, true);
        await sent('decky_recovered web');
        await ends(first);
        const attempts = to.got.filter(({ body }) => body.kind === 'decky_recovered').map(({ id }) => id);
        const history = await historyOf(before);

        const after = { ...settings, ...(await backup.restored()) };
        assert.deepEqual(await historyOf(after), history);
        to.answer = (response) => void response.writeHead(204).end();
        to.got.length = 0;
        const second = await up(after);
        await sent('decky_recovered web');
        assert.deepEqual([to.got[0]?.id], [...new Set(attempts)], 'under the id of the earlier attempts');
        await webRuns(after, false);
        await sent('decky_down web');
        assert.deepEqual(to.kinds, ['decky_recovered web', 'decky_down web']);
        assert.deepEqual(
          (await historyOf(after)).map(({ to_state }) => to_state),
          ['failed', 'running', 'failed', 'running'],
        );
        await ends(second);
      } finally {
        for (const { child } of kept) child.kill('SIGKILL');
        await Promise.all(kept.map(({ finished }) => finished));
        await backup.close();
        await to.stop();
        await engine.stop();
        host.remove();
        rmSync(directory, { recursive: true, force: true });
      }
    });
});
