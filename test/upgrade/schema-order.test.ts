import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../../src/lib/package.ts';
import { cli, start } from '../harness/cli.ts';
import { granted } from '../harness/granted.ts';
import { runHere } from '../harness/run-here.ts';
import { noStore, stores } from '../harness/stores.ts';
import { onWatchedHost } from './watched-host.ts';

const schemaOf01 = readFileSync(join(packageRoot, 'test/fixtures/version-0.1/schema.sql'), 'utf8');

/** What a later version would do. */
const laterMigration = [
  'alter table fleet_hosts add column later text null',
  'alter table fleet_deckies add column later int not null default 1',
  `insert into fleet_migrations (name) values ('999-later')`,
];

describe('a process that starts before `migrate`', { concurrency: true }, () => {
  for (const kind of stores)
    test(
      `waits for the schema and says so, with queues on ${kind}`,
      { skip: noStore(kind) },
      onWatchedHost(kind, false, async ({ store, env, keep, webRuns, failedJobs }) => {
        await store.db.query(schemaOf01);
        const started = ['worker.ts', 'scheduler.ts'].map((program) => keep(start([], env, program)));
        for (const { said } of started)
          await said(/does not have the tables of this version\. Run `decnet-fleet migrate`"/);
        assert.deepEqual(await store.db.query('select from fleet_hosts'), []);
        assert.equal((await runHere(['migrate'], env)).code, 0);
        await webRuns(true);
        for (const { child, finished } of started) {
          child.kill('SIGTERM');
          const { code, stdout, stderr } = await finished;
          assert.equal(code, 0, stderr);
          assert.equal((stdout + stderr).split('is not migrated').length, 2, stdout + stderr);
        }
        assert.deepEqual(await failedJobs(), []);
      }),
    );

  test(
    'waits as the role of one host, too',
    { skip: noStore('redis') },
    onWatchedHost('redis', true, async ({ store, env, keep, webRuns }) => {
      const mine = await granted(store, env, 'local');
      try {
        await store.db.query('alter table fleet_alarms rename column last_lines to last_lines_later');
        const worker = keep(start([], { ...env, ...mine.settings }, 'worker.ts'));
        await worker.said(/does not have the tables of this version/);
        await store.db.query('alter table fleet_alarms rename column last_lines_later to last_lines');
        await webRuns(true);
        worker.child.kill('SIGTERM');
        assert.equal((await worker.finished).code, 0, worker.output());
      } finally {
        await mine.remove();
      }
    }),
  );

  test(
    'can be stopped while it waits, with a database that has no tables',
    onWatchedHost('postgres', false, async ({ env, keep }) => {
      const started = ['worker.ts', 'scheduler.ts'].map((program) => keep(start([], env, program)));
      for (const { child, said, finished } of started) {
        await said(/does not have the tables of this version/);
        child.kill('SIGTERM');
        const { code, stdout, stderr } = await finished;
        assert.equal(code, 0, stdout + stderr);
      }
    }),
  );

  test(
    'a command does not wait',
    onWatchedHost('postgres', false, async ({ store, env }) => {
      await store.db.query(schemaOf01);
      const { code, stderr } = await cli(['reconcile', '--once'], env);
      assert.equal(code, 1);
      assert.match(stderr, /Run `decnet-fleet migrate`\n$/);
    }),
  );
});

describe('a program on a database of a newer version', { concurrency: true }, () => {
  for (const kind of stores)
    test(
      `makes passes, with queues on ${kind}`,
      { skip: noStore(kind) },
      onWatchedHost(kind, true, async ({ store, env, keep, webRuns, passesGoOn, failedJobs }) => {
        const started = ['worker.ts', 'scheduler.ts'].map((program) => keep(start([], env, program)));
        await webRuns(true);
        for (const statement of laterMigration) await store.db.query(statement);
        await passesGoOn();
        await webRuns(false);
        const [worker] = started;
        worker?.child.kill('SIGTERM');
        assert.equal((await worker?.finished)?.code, 0);
        keep(start([], env, 'worker.ts'));
        await webRuns(true);
        assert.deepEqual(await failedJobs(), []);
      }),
    );

  test(
    'says so in `migrate` and `doctor`, and changes nothing',
    { skip: noStore('redis') },
    onWatchedHost('redis', true, async ({ store, env }) => {
      const mine = await granted(store, env, 'local');
      try {
        for (const statement of laterMigration) await store.db.query(statement);
        await store.db.query(`grant update (later) on fleet_hosts to ${mine.role}`);
        for (const args of [['migrate'], ['migrate', '--check']])
          assert.deepEqual(await runHere(args, env), {
            code: 0,
            stdout:
              'The database is newer than this version, which works with it. Unknown migrations: 999-later. Nothing was changed.\n',
            stderr: '',
          });
        assert.deepEqual(
          await store.db.query(`select has_column_privilege($1, 'fleet_hosts', 'later', 'update') as may`, [
            mine.role,
          ]),
          [{ may: true }],
          'the privileges of the newer version are kept',
        );
        const { stdout } = await runHere(['doctor'], env);
        assert.match(stdout, /schema +newer than this version, which works with it \(999-later\)/);
      } finally {
        await mine.remove();
      }
    }),
  );

  test(
    'that lacks a migration of this version is not migrated',
    onWatchedHost('postgres', true, async ({ store, env }) => {
      for (const statement of laterMigration) await store.db.query(statement);
      await store.db.query(`delete from fleet_migrations where name = '014-last-lines'`);
      for (const args of [['migrate'], ['migrate', '--check']]) {
        const { code, stdout, stderr } = await runHere(args, env);
        assert.deepEqual([code, stdout], [1, '']);
        assert.match(
          stderr,
          /does not know \(999-later\), and lacks 014-last-lines\. Nothing was changed\. Run/,
        );
      }
    }),
  );
});
