import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import type { JobResult } from '../../src/fleet/job.ts';
import { cli, type Env } from '../harness/cli.ts';
import { type TestDatabase, testDatabase } from '../harness/database.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { statesOf } from '../harness/pass.ts';
import { findProgram } from '../harness/program.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { freePort } from '../harness/services.ts';
import { testRedisUrl } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const program = await findProgram('pgbouncer');
const missing =
  program === null
    ? 'PgBouncer: there is none on this machine'
    : process.env.TEST_REDIS_URL === undefined
      ? 'Redis: there is no redis-server on this machine'
      : false;

describe('behind PgBouncer in transaction mode, queues on Redis', { skip: missing }, () => {
  let db: TestDatabase;
  let host: TestHost;
  let env: Env;
  let directory: string;
  let stop: () => Promise<void>;
  before(async () => {
    db = await testDatabase({ migrated: false });
    host = testHost();
    directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-pgbouncer-'));
    chmodSync(directory, 0o777);
    const { hostname, port, pathname, username, password } = new URL(db.url);
    const listen = await freePort();
    writeFileSync(join(directory, 'users'), `"${username}" "${password}"\n`);
    writeFileSync(
      join(directory, 'pgbouncer.ini'),
      `[databases]
* = host=${hostname} port=${port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listen}
unix_socket_dir =
auth_type = plain
auth_file = ${join(directory, 'users')}
pool_mode = transaction
default_pool_size = 4
`,
    );
    const args = [join(directory, 'pgbouncer.ini')];
    // It refuses to run as root.
    const child = spawn(program ?? '', process.getuid?.() === 0 ? ['--user', 'nobody', ...args] : args, {
      stdio: 'ignore',
    });
    const ended = new Promise<void>((done) => child.once('exit', () => done()));
    stop = async () => {
      child.kill('SIGINT');
      await ended;
    };
    const url = `postgresql://${username}:${password}@127.0.0.1:${listen}${pathname}`;
    await waitFor(async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.end();
      return true;
    });
    env = host.env({
      DATABASE_URL: url,
      REDIS_URL: testRedisUrl(),
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
    });
  });
  after(async () => {
    await stop();
    rmSync(directory, { recursive: true, force: true });
    host.remove();
    await db.drop();
  });

  test('migrates concurrently, and reconciles', async () => {
    const ran = await Promise.all([1, 2].map(() => cli(['migrate'], env)));
    assert.deepEqual(
      ran.map(({ code, stderr }) => [code, stderr]),
      [
        [0, ''],
        [0, ''],
      ],
    );
    host.write([declaredDecky('web'), declaredDecky('mail')]);
    const first = await jsonHere<JobResult>(['reconcile', '--once', '--json'], env);
    assert.equal(first.inserted, 2);
    host.write([declaredDecky('web')]);
    const second = await jsonHere<JobResult>(['reconcile', '--once', '--json'], env);
    assert.equal(second.deleted, 1);
    assert.deepEqual(await statesOf(db), ['web pending']);
    assert.equal((await runHere(['status'], env)).code, 0);
  });
});
