import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { type EmbeddedDatabase, openEmbedded } from '../../src/embedded-postgres/embedded.ts';
import { codeOf } from '../../src/lib/errors.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { cli, type Env, start } from '../harness/cli.ts';
import { inDataDirectory } from '../harness/data-directory.ts';
import { ask } from '../harness/servers.ts';
import { waitFor } from '../harness/wait.ts';

// Each has a database of its own, and mostly waits for a server or a command.
describe('the embedded database', { concurrency: 3 }, () => {
  describe('what makes it useless is said at once', () => {
    const say = async (env: Env): Promise<string> => {
      const { code, stdout, stderr } = await cli(['status', '--json'], env);
      assert.deepEqual([code, stdout], [1, ''], stderr);
      assert.match(stderr, /^decnet-fleet: The embedded database in .*data cannot be used: /);
      assert.equal(stderr.trim().split('\n').length, 1);
      return stderr;
    };
    test(
      'data of another major version, with both versions',
      inDataDirectory(async ({ directory, env, data }) => {
        writeFileSync(join(data, 'PG_VERSION'), '9\n');
        try {
          assert.match(
            await say(env),
            /initialized by PostgreSQL version 9, which is not compatible with this version \d+/,
          );
        } finally {
          rmSync(join(directory, 'data'), { recursive: true });
        }
      }),
    );

    test(
      'settings that it refuses',
      inDataDirectory(async ({ directory, env, data }) => {
        appendFileSync(join(data, 'postgresql.conf'), "\nshared_buffers = 'much'\n");
        try {
          assert.match(await say(env), /configuration file .* contains errors/);
        } finally {
          rmSync(join(directory, 'data'), { recursive: true });
        }
      }),
    );

    test(
      'another user’s',
      { skip: process.getuid?.() !== 0 && 'another user: needs root' },
      inDataDirectory(async ({ env }) => {
        const up = start(['up'], env);
        await up.said(/Reconciling every/);
        const other = start(['status'], env, 'src/cli/bin.ts', '', { uid: 65_534, gid: 65_534 });
        const { code, stderr } = await other.finished;
        assert.equal(code, 1);
        assert.match(stderr, /it belongs to another user, and this user cannot read its password/);
        up.child.kill('SIGTERM');
        await up.finished;
      }),
    );

    test(
      'and a pid file that names the server of another directory makes it no other',
      inDataDirectory(async ({ directory, env, pidFile, names }) => {
        const elsewhere = { ...env, DECNET_DATA_DIR: join(directory, 'elsewhere') };
        const up = start(['up'], elsewhere);
        await up.said(/Reconciling every/);
        try {
          const file = join(directory, 'elsewhere', 'postgres', 'data', 'postmaster.pid');
          writeFileSync(
            pidFile,
            readFileSync(file, 'utf8').replace(join(directory, 'elsewhere'), join(directory, 'data')),
          );
          assert.deepEqual(await names(), []);
        } finally {
          up.child.kill('SIGTERM');
          await up.finished;
        }
      }),
    );
  });

  test(
    'any number of commands share it, and the last one out stops it',
    inDataDirectory(async ({ env, isStopped }) => {
      const done = await Promise.all(Array.from({ length: 4 }, () => cli(['hosts'], env)));
      assert.deepEqual(
        done.map(({ code, stderr }) => [code, stderr]),
        Array(4).fill([0, '']),
      );
      await waitFor(isStopped);
    }, 'none'),
  );

  test(
    'somebody’s psql keeps it running, and shuts nobody out',
    inDataDirectory(async ({ directory, env, isStopped }) => {
      const database = await openEmbedded(join(directory, 'data'));
      // Its address names us, as every connection of ours does.
      const psql = new pg.Client({
        connectionString: database.url.replace(/application_name=.*/, 'application_name=psql'),
      });
      await psql.connect();
      await database.close();
      assert.equal((await cli(['hosts'], env)).code, 0);
      assert.deepEqual((await psql.query('select 1 as one')).rows, [{ one: 1 }]);
      await psql.end();
      assert.equal((await cli(['hosts'], env)).code, 0);
      await waitFor(isStopped);
    }),
  );

  test(
    'a connection that has not signed in keeps nothing running',
    inDataDirectory(async ({ directory, isStopped }) => {
      const database = await openEmbedded(join(directory, 'data'));
      const { port } = new URL(database.url);
      const half = createConnection(Number(port), '127.0.0.1');
      half.on('error', () => undefined);
      try {
        // PostgreSQL's first message: its length, protocol 3.0, and names. The question for a password gets no answer.
        const names = Buffer.from('\0\x03\0\0user\0decnet_fleet\0database\0postgres\0\0', 'latin1');
        const length = Buffer.alloc(4);
        length.writeInt32BE(names.length + 4);
        half.write(Buffer.concat([length, names]));
        await once(half, 'data');
        await database.close();
        await waitFor(isStopped);
      } finally {
        half.destroy();
      }
    }),
  );

  test(
    'a server that was killed leaves a stale pid file, and is started again',
    inDataDirectory(async ({ directory, env, pid }) => {
      await cli(['hosts'], env);
      const holder = await openEmbedded(join(directory, 'data'));
      const server = pid();
      process.kill(server, 'SIGKILL');
      await waitFor(() => {
        try {
          process.kill(server, 0);
          return false;
        } catch {
          return true;
        }
      });
      assert.equal((await cli(['hosts'], env)).code, 0);
      await holder.close();
    }),
  );

  test(
    'several who open it while one of them starts it after a crash wait for it',
    inDataDirectory(async ({ directory, pid }) => {
      const location = join(directory, 'data');
      const holder = await openEmbedded(location);
      process.kill(pid(), 'SIGKILL');
      // The recovery after the crash takes longer than one of them needs for a few attempts.
      const others = await Promise.all(Array.from({ length: 4 }, () => openEmbedded(location)));
      for (const other of others) assert.equal((await ask(other.url, 'select 1')).length, 1);
      for (const one of [holder, ...others]) await one.close();
    }),
  );

  test(
    'several who open it wait until it accepts connections, though its log names nothing but refused ones',
    inDataDirectory(async ({ directory, data, pid, pidFile, isStopped }) => {
      const location = join(directory, 'data');
      // Such a server recovers until it is promoted, and refuses all who connect.
      const settings = join(data, 'postgresql.auto.conf');
      const before = readFileSync(settings);
      appendFileSync(settings, "hot_standby = 'off'\n");
      writeFileSync(join(data, 'standby.signal'), '');
      chownSync(join(data, 'standby.signal'), statSync(data).uid, statSync(data).gid);
      const opened: EmbeddedDatabase[] = [];
      const opening = Array.from({ length: 4 }, async () => opened.push(await openEmbedded(location)));
      const port = (): number => Number(readFileSync(pidFile, 'utf8').split('\n')[3]);
      const refusal = async (): Promise<unknown> => {
        const refused = new pg.Client({ connectionString: `postgresql://u@127.0.0.1:${port()}/x` });
        return refused.connect().then(() => 'none', codeOf);
      };
      await waitFor(async () => !isStopped() && (await refusal()) === '57P03');
      const until = performance.now() + 5000;
      while (performance.now() < until) assert.equal(await refusal(), '57P03');
      assert.equal(opened.length, 0);
      writeFileSync(settings, before);
      writeFileSync(join(data, 'promote'), '');
      process.kill(pid(), 'SIGUSR1');
      await Promise.all(opening);
      for (const one of opened) await one.close();
    }),
  );

  test(
    'one who has it open gets it back, though it cannot be started for longer than one who opens it waits',
    inDataDirectory(async ({ directory, data, pid, isStopped }) => {
      const limits = { startWithinMs: 1000, longestPauseMs: 500 };
      const holder = await openEmbedded(join(directory, 'data'), undefined, limits);
      const settings = join(data, 'postgresql.conf');
      renameSync(settings, `${settings}.away`);
      const killed = pid();
      process.kill(killed, 'SIGQUIT');
      await sleep(4 * limits.startWithinMs);
      renameSync(`${settings}.away`, settings);
      await waitFor(() => !isStopped() && pid() !== killed);
      // It starts, and then it answers.
      await waitFor(async () => (await ask(holder.url, 'select 1')).length === 1);
      await holder.close();
    }),
  );

  test(
    'a pid file whose process is somebody else’s now is no server',
    inDataDirectory(async ({ directory, env, pidFile }) => {
      await cli(['hosts'], env);
      const stale = `${process.pid}\n${join(directory, 'data/postgres/data')}\n1\n1\n\n127.0.0.1\n\n`;
      writeFileSync(pidFile, stale, { mode: 0o600 });
      const { code, stderr } = await cli(['hosts'], env);
      assert.equal(code, 0, stderr);
    }),
  );

  test(
    'listens on loopback alone, and keeps its password in a 0600 file',
    inDataDirectory(async ({ directory }) => {
      const database = await openEmbedded(join(directory, 'data'));
      const file = join(directory, 'data', 'postgres', 'password');
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.ok(readFileSync(file, 'utf8').length >= 32);
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      const { rows } = await client.query(
        `select current_setting('listen_addresses') as listen, current_setting('unix_socket_directories') as socket,
         current_setting('server_encoding') as encoding, current_setting('fsync') as fsync`,
      );
      assert.deepEqual(rows, [{ listen: '127.0.0.1', socket: '', encoding: 'UTF8', fsync: 'on' }]);
      await client.end();
      const url = new URL(database.url);
      url.password = 'guessed';
      const stranger = new pg.Client({ connectionString: url.href });
      await assert.rejects(stranger.connect());
      await database.close();
    }, 'none'),
  );

  test(
    'runs as an ordinary user, too',
    {
      skip: process.getuid?.() !== 0 && 'only root can become another user',
    },
    inDataDirectory(async ({ directory }) => {
      chmodSync(directory, 0o777);
      const data = join(directory, 'nobody');
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [join(packageRoot, 'src/cli/bin.ts'), 'hosts', '--json'],
        {
          uid: 65_534,
          gid: 65_534,
          env: { PATH: process.env.PATH, HOME: directory, XDG_STATE_HOME: data },
        },
      );
      assert.deepEqual(JSON.parse(stdout), { hosts: [] });
      assert.equal(statSync(join(data, 'decnet-fleet', 'postgres', 'data')).uid, 65_534);
    }, 'none'),
  );

  test(
    'a directory that cannot be used is named, with what to do',
    inDataDirectory(async ({ directory, env }) => {
      writeFileSync(join(directory, 'data'), 'a file');
      const { code, stdout, stderr } = await cli(['status', '--json'], env);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(
        stderr,
        /^decnet-fleet: The embedded database in .*data cannot be used: .*choose another DECNET_DATA_DIR/,
      );
      assert.equal(stderr.trim().split('\n').length, 1);
      rmSync(join(directory, 'data'));
    }, 'none'),
  );
});
