import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { openEmbedded } from '../../src/embedded-postgres/embedded.ts';
import { cli, start } from '../harness/cli.ts';
import { inDataDirectory } from '../harness/data-directory.ts';
import { testDatabase } from '../harness/database.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { waitFor } from '../harness/wait.ts';

// Each has a database of its own, and mostly waits for a server or a command.
describe('up with the embedded database', { concurrency: 3 }, () => {
  test(
    'up on a machine that has nothing: the shipped example, and the first pass’s counts',
    inDataDirectory(async ({ env, isStopped, names }) => {
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
    }, 'none'),
  );

  test(
    'up starts its database again, however long that was not possible, and says little meanwhile',
    inDataDirectory(async ({ env, data, pid, isStopped, names }) => {
      const up = start(['up'], env);
      await up.said(/Reconciling every 30 s/);
      const settings = join(data, 'postgresql.conf');
      renameSync(settings, `${settings}.away`);
      const killed = pid();
      process.kill(killed, 'SIGQUIT');
      const before = up.output().split('\n').length;
      // It tries after 1, 2, 4 and 8 seconds.
      await sleep(16_000);
      const lines = up.output().split('\n').slice(before);
      assert.ok(lines.length < 10, lines.join('\n'));
      assert.equal(up.child.exitCode, null);
      renameSync(`${settings}.away`, settings);
      // No command that would start it is run before.
      await waitFor(() => !isStopped() && pid() !== killed, 150_000);
      await waitFor(async () => (await names()).length === 3);
      const passes = async () =>
        (await jsonHere<{ hosts: { last_full_pass_at: string }[] }>(['hosts', '--json'], env)).hosts[0]
          ?.last_full_pass_at;
      const last = await passes();
      await waitFor(async () => (await passes()) !== last, 150_000);
      up.child.kill('SIGTERM');
      assert.equal((await up.finished).code, 0);
    }),
  );

  test(
    'up whose readers go away stops in order with its next line, and leaves no PostgreSQL behind',
    inDataDirectory(async ({ env, isStopped, writeStateFile }) => {
      const up = start(['up'], { ...env, DECNET_STATE_FILE: writeStateFile('web'), LOG_LEVEL: 'debug' });
      await up.said(/state file/);
      const streams = [up.child.stdout, up.child.stderr].map((stream) => stream?.destroy());
      await Promise.all(streams.map((stream) => stream && once(stream, 'close')));
      // It may have said everything already: this may be the first line.
      writeStateFile('web', 'mail');
      assert.equal((await up.finished).code, 0);
      await waitFor(isStopped);
    }),
  );

  test(
    'up prints each change as one line, as it happens',
    inDataDirectory(async ({ env, writeStateFile }) => {
      const file = writeStateFile('web');
      const up = start(['up'], { ...env, DECNET_STATE_FILE: file, DECNET_INTERVAL: '1' });
      await up.said(/web {2}pending/);
      writeStateFile('web', 'mail');
      await up.said(/\d\d:\d\d:\d\d {2}mail {2}pending {2}new in the file/);
      writeStateFile('mail');
      await up.said(/web {2}deleted \(was pending\) {2}not in the file any more/);
      up.child.kill('SIGINT');
      assert.equal((await up.finished).code, 0);
    }),
  );

  describe('the example never replaces a real fleet', () => {
    const refused = /neither \/opt\/decnet\/decnet-state\.json nor \/var\/lib\/decnet/;
    const noDecnet = () =>
      assert.ok(!existsSync('/opt/decnet') && !existsSync('/var/lib/decnet'), 'DECNET is installed here');

    test(
      'not with a database of one’s own',
      inDataDirectory(async ({ env }) => {
        noDecnet();
        const db = await testDatabase();
        const { code, stderr } = await cli(['up'], { ...env, DATABASE_URL: db.url });
        assert.equal(code, 2);
        assert.match(stderr, refused);
        assert.deepEqual(await db.query('select 1 from fleet_deckies'), []);
        await db.drop();
      }),
    );

    test(
      'not while this host has a row',
      inDataDirectory(async ({ directory, env }) => {
        noDecnet();
        const database = await openEmbedded(join(directory, 'data'));
        await runHere(['migrate'], env);
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
        assert.match(
          stderr,
          /the example fleet is not used: host local has deckies recorded\. Set DECNET_STATE_FILE/,
        );
        const { rows } = await client.query('select name, state from fleet_deckies');
        assert.deepEqual(rows, [{ name: 'example-web', state: 'running' }]);
        await client.end();
        await database.close();
      }),
    );

    test(
      'not for any other command',
      inDataDirectory(async ({ env, names }) => {
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
      }),
    );

    test(
      'not when the file that is set is missing',
      inDataDirectory(async ({ directory, env }) => {
        const up = start(['up'], { ...env, DECNET_STATE_FILE: join(directory, 'decnet-state.json') });
        assert.match(await up.said(/first pass: .*/), /first pass: inserted=0/);
        up.child.kill('SIGINT');
        await up.finished;
      }),
    );
  });

  test(
    'a parent that was killed leaves it running; the next command finds it and stops it',
    inDataDirectory(async ({ env, pid, isStopped, names }) => {
      const up = start(['up'], env);
      await up.said(/first pass: inserted=3/);
      const server = pid();
      up.child.kill('SIGKILL');
      await up.finished;
      assert.equal(pid(), server);
      assert.equal((await names()).length, 3);
      await waitFor(isStopped);
      assert.equal((await names()).length, 3, 'and its data is kept');
    }),
  );

  test(
    'a running up gets its server back, at the same address',
    inDataDirectory(async ({ env, pid }) => {
      const up = start(['up'], { ...env, DECNET_INTERVAL: '1' });
      await up.said(/first pass: inserted=3/);
      const killed = pid();
      process.kill(killed, 'SIGKILL');
      // Other commands would start it, too.
      await waitFor(() => pid() !== killed);
      const passes = async () =>
        (await jsonHere<{ hosts: { last_pass_at: string }[] }>(['hosts', '--json'], env)).hosts[0]
          ?.last_pass_at;
      const before = await passes();
      assert.ok(before);
      await waitFor(async () => (await passes()) !== before, 60_000);
      up.child.kill('SIGINT');
      assert.equal((await up.finished).code, 0);
    }),
  );
});
