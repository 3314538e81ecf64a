import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { embeddedExists } from '../../src/embedded-postgres/cluster.ts';
import { openEmbedded } from '../../src/embedded-postgres/embedded.ts';
import { cli, cliJson, type Env, start } from '../support/cli.ts';
import { testDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait.ts';

interface StatusJson {
  readonly hosts: readonly {
    readonly deckies: readonly { readonly name: string; readonly state: string }[];
  }[];
}

describe('the embedded database', () => {
  let directory: string;
  let env: Env;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-embedded-'));
    chmodSync(directory, 0o755);
    env = { DECNET_DATA_DIR: join(directory, 'data'), DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
  });
  afterEach(async () => {
    // Whatever a test left running: one command in and out stops it.
    if (embeddedExists(join(directory, 'data'))) await (await openEmbedded(join(directory, 'data'))).close();
    rmSync(directory, { recursive: true, force: true });
  });

  const pidFile = () => join(directory, 'data', 'postgres', 'data', 'postmaster.pid');
  const pid = (): number => Number(readFileSync(pidFile(), 'utf8').split('\n')[0]);
  const isStopped = (): boolean => !existsSync(pidFile());
  const names = async (): Promise<readonly string[]> =>
    (await cliJson<StatusJson>(['status', '--json'], env)).hosts.flatMap(({ deckies }) =>
      deckies.map(({ name }) => name),
    );

  test('up on a machine that has nothing: the shipped example, and the first pass’s counts', async () => {
    const up = start(['up'], env);
    const said = await up.said(/first pass: .*\n[\s\S]*Reconciling every 30 s/);
    assert.match(said, /the example fleet that ships with/);
    assert.match(said, /first pass: inserted=3 deleted=0 state_updated=0 config_updated=0/);
    assert.match(said, /example-web {2}pending/);
    assert.deepEqual(await names(), ['example-files', 'example-mail', 'example-web']);
    up.child.kill('SIGINT');
    assert.equal((await up.finished).code, 0);
    await waitFor(isStopped);

    const again = start(['up'], env);
    await again.said(/first pass: inserted=0/);
    again.child.kill('SIGTERM');
    assert.equal((await again.finished).code, 0);
  });

  describe('what makes it useless is said at once', () => {
    const say = async (more: Env = {}): Promise<string> => {
      const { code, stdout, stderr } = await cli(['status', '--json'], { ...env, ...more });
      assert.deepEqual([code, stdout], [1, ''], stderr);
      assert.match(stderr, /^decnet-fleet: The embedded database in .*data cannot be used: /);
      assert.equal(stderr.trim().split('\n').length, 1);
      return stderr;
    };
    const data = () => join(directory, 'data', 'postgres', 'data');
    beforeEach(async () => {
      assert.equal((await cli(['status'], env)).code, 0);
      await waitFor(isStopped);
    });

    test('data of another major version, with both versions', async () => {
      writeFileSync(join(data(), 'PG_VERSION'), '9\n');
      try {
        assert.match(
          await say(),
          /initialized by PostgreSQL version 9, which is not compatible with this version \d+/,
        );
      } finally {
        rmSync(join(directory, 'data'), { recursive: true });
      }
    });

    test('settings that it refuses', async () => {
      appendFileSync(join(data(), 'postgresql.conf'), "\nshared_buffers = 'much'\n");
      try {
        assert.match(await say(), /configuration file .* contains errors/);
      } finally {
        rmSync(join(directory, 'data'), { recursive: true });
      }
    });

    test('another user’s', { skip: process.getuid?.() !== 0 && 'another user: needs root' }, async () => {
      const up = start(['up'], env);
      await up.said(/Reconciling every/);
      const other = start(['status'], env, 'src/cli/bin.ts', '', { uid: 65_534, gid: 65_534 });
      const { code, stderr } = await other.finished;
      assert.equal(code, 1);
      assert.match(stderr, /it belongs to another user, and this user cannot read its password/);
      up.child.kill('SIGTERM');
      await up.finished;
    });

    test('and a pid file that names the server of another directory makes it no other', async () => {
      const elsewhere = { ...env, DECNET_DATA_DIR: join(directory, 'elsewhere') };
      const up = start(['up'], elsewhere);
      await up.said(/Reconciling every/);
      try {
        const file = join(directory, 'elsewhere', 'postgres', 'data', 'postmaster.pid');
        writeFileSync(
          pidFile(),
          readFileSync(file, 'utf8').replace(join(directory, 'elsewhere'), join(directory, 'data')),
        );
        assert.deepEqual(await names(), []);
      } finally {
        up.child.kill('SIGTERM');
        await up.finished;
      }
    });
  });

  test('up starts its database again, however long that was not possible, and says little meanwhile', async () => {
    const up = start(['up'], env);
    await up.said(/Reconciling every 30 s/);
    const data = join(directory, 'data', 'postgres', 'data');
    const settings = join(data, 'postgresql.conf');
    renameSync(settings, `${settings}.away`);
    const killed = pid();
    process.kill(killed, 'SIGQUIT');
    const before = up.output().split('\n').length;
    // Longer than one who opens it waits.
    await sleep(70_000);
    const lines = up.output().split('\n').slice(before);
    assert.ok(lines.length < 40, lines.join('\n'));
    assert.equal(up.child.exitCode, null);
    renameSync(`${settings}.away`, settings);
    // It waits thirty seconds between its tries, at most. No command that would start it is run before.
    await waitFor(() => !isStopped() && pid() !== killed, 150_000);
    await waitFor(async () => (await names()).length === 3);
    const passes = async () =>
      (await cliJson<{ hosts: { last_full_pass_at: string }[] }>(['hosts', '--json'], env)).hosts[0]
        ?.last_full_pass_at;
    const last = await passes();
    await waitFor(async () => (await passes()) !== last, 150_000);
    up.child.kill('SIGTERM');
    assert.equal((await up.finished).code, 0);
  });

  const writeStateFile = (...deckies: string[]): string => {
    const file = join(directory, 'decnet-state.json');
    const content = deckies.map((name) => ({ name, ip: '192.0.2.1', services: ['ssh'] }));
    writeFileSync(file, JSON.stringify({ config: { deckies: content } }));
    return file;
  };

  test('up whose readers go away stops in order with its next line, and leaves no PostgreSQL behind', async () => {
    const up = start(['up'], { ...env, DECNET_STATE_FILE: writeStateFile('web'), LOG_LEVEL: 'debug' });
    await up.said(/state file/);
    const streams = [up.child.stdout, up.child.stderr].map((stream) => stream?.destroy());
    await Promise.all(streams.map((stream) => stream && once(stream, 'close')));
    // It may have said everything already: this is news.
    writeStateFile('web', 'mail');
    assert.equal((await up.finished).code, 0);
    await waitFor(isStopped);
  });

  test('up prints each change as one line, as it happens', async () => {
    const file = writeStateFile('web');
    const up = start(['up'], { ...env, DECNET_STATE_FILE: file, DECNET_INTERVAL: '1' });
    await up.said(/web {2}pending/);
    writeStateFile('web', 'mail');
    await up.said(/\d\d:\d\d:\d\d {2}mail {2}pending {2}new in the file/);
    writeStateFile('mail');
    await up.said(/web {2}deleted \(was pending\) {2}not in the file any more/);
    up.child.kill('SIGINT');
    assert.equal((await up.finished).code, 0);
  });

  describe('the example never replaces a real fleet', () => {
    const refused = /neither \/opt\/decnet\/decnet-state\.json nor \/var\/lib\/decnet/;
    const noDecnet = () =>
      assert.ok(!existsSync('/opt/decnet') && !existsSync('/var/lib/decnet'), 'DECNET is installed here');

    test('not with a database of one’s own', async () => {
      noDecnet();
      const db = await testDatabase();
      const { code, stderr } = await cli(['up'], { ...env, DATABASE_URL: db.url });
      assert.equal(code, 2);
      assert.match(stderr, refused);
      assert.deepEqual(await db.query('select 1 from fleet_deckies'), []);
      await db.drop();
    });

    test('not while this host has a row', async () => {
      noDecnet();
      const database = await openEmbedded(join(directory, 'data'));
      await cli(['migrate'], env);
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      // The name of an example decky, but not its content: somebody's own.
      await client.query(
        `insert into fleet_deckies (host_uuid, name, services, decky_config, state, updated_at)
         values ('local', 'example-web', '["ssh"]', '{"name": "example-web"}', 'running', now() - interval '1 day')`,
      );
      const { code, stderr } = await cli(['up'], env);
      assert.equal(code, 2);
      assert.match(stderr, refused);
      const { rows } = await client.query('select name, state from fleet_deckies');
      assert.deepEqual(rows, [{ name: 'example-web', state: 'running' }]);
      await client.end();
      await database.close();
    });

    test('not for any other command', async () => {
      noDecnet();
      for (const args of [
        ['reconcile', '--once'],
        ['reconcile', '--interval', '5'],
      ]) {
        const { code, stderr } = await cli(args, env);
        assert.equal(code, 2, args.join(' '));
        assert.match(stderr, refused);
      }
      const worker = await start([], env, 'worker.ts').finished;
      assert.equal(worker.code, 2);
      assert.deepEqual(await names(), []);
    });

    test('not when the file that is set is missing', async () => {
      const up = start(['up'], { ...env, DECNET_STATE_FILE: join(directory, 'decnet-state.json') });
      assert.match(await up.said(/first pass: .*/), /first pass: inserted=0/);
      up.child.kill('SIGINT');
      await up.finished;
    });
  });

  test('any number of commands share it, and the last one out stops it', async () => {
    const done = await Promise.all(Array.from({ length: 4 }, () => cli(['hosts'], env)));
    assert.deepEqual(
      done.map(({ code, stderr }) => [code, stderr]),
      Array(4).fill([0, '']),
    );
    await waitFor(isStopped);
  });

  test('somebody’s psql keeps it running, and shuts nobody out', async () => {
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
  });

  test('a connection that has not signed in keeps nothing running', async () => {
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
  });

  test('a parent that was killed leaves it running; the next command finds it and stops it', async () => {
    const up = start(['up'], env);
    await up.said(/first pass: inserted=3/);
    const server = pid();
    up.child.kill('SIGKILL');
    await up.finished;
    assert.equal(pid(), server);
    assert.equal((await names()).length, 3);
    await waitFor(isStopped);
    assert.equal((await names()).length, 3, 'and its data is kept');
  });

  test('a server that was killed leaves a stale pid file, and is started again', async () => {
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
  });

  test('a running up gets its server back, at the same address', async () => {
    const up = start(['up'], { ...env, DECNET_INTERVAL: '1' });
    await up.said(/first pass: inserted=3/);
    process.kill(pid(), 'SIGKILL');
    await waitFor(
      async () =>
        (await cliJson<{ hosts: { stale: boolean }[] }>(['hosts', '--json'], env)).hosts.length === 1,
      60_000,
    );
    const passes = async () =>
      (await cliJson<{ hosts: { last_pass_at: string }[] }>(['hosts', '--json'], env)).hosts[0]?.last_pass_at;
    const before = await passes();
    await waitFor(async () => (await passes()) !== before, 60_000);
    up.child.kill('SIGINT');
    assert.equal((await up.finished).code, 0);
  });

  test('a pid file whose process is somebody else’s now is no server', async () => {
    await cli(['hosts'], env);
    const stale = `${process.pid}\n${join(directory, 'data/postgres/data')}\n1\n1\n\n127.0.0.1\n\n`;
    writeFileSync(pidFile(), stale, { mode: 0o600 });
    const { code, stderr } = await cli(['hosts'], env);
    assert.equal(code, 0, stderr);
  });

  test('listens on loopback alone, and keeps its password in a 0600 file', async () => {
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
  });

  test('runs as an ordinary user, too', {
    skip: process.getuid?.() !== 0 && 'only root can become another user',
  }, async () => {
    chmodSync(directory, 0o777);
    const { execFile } = await import('node:child_process');
    const { promisify } = await import('node:util');
    const { packageRoot } = await import('../../src/lib/package.ts');
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
  });

  test('a directory that cannot be used is named, with what to do', async () => {
    writeFileSync(join(directory, 'data'), 'a file');
    const { code, stdout, stderr } = await cli(['status', '--json'], env);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /^decnet-fleet: The embedded database in .*data cannot be used: .*choose another DECNET_DATA_DIR/,
    );
    assert.equal(stderr.trim().split('\n').length, 1);
    rmSync(join(directory, 'data'));
  });
});
