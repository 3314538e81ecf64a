import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import type { Env } from '../harness/cli.ts';
import { type TestHost, testHost } from '../harness/host.ts';
import { runHere } from '../harness/run-here.ts';
import { postgresServer } from '../harness/servers.ts';

interface Found {
  readonly part: string;
  readonly verdict: string;
  readonly text: string;
}

describe('a broken database', () => {
  let host: TestHost;
  before(() => {
    host = testHost();
    host.write([{ name: 'web', ip: '192.0.2.7', services: ['ssh'], hostname: '日本', host_uuid: null }]);
  });
  after(() => host.remove());

  const env = (url: string): Env =>
    host.env({ DATABASE_URL: url, DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
  const as = (name: string, more: { user?: string } = {}): string => {
    const url = new URL(process.env.TEST_DATABASE_URL ?? '');
    url.pathname = `/${name}`;
    if (more.user !== undefined) [url.username, url.password] = [more.user, 'secret'];
    return url.href;
  };
  const run = async (url: string, ...statements: string[]): Promise<readonly Record<string, unknown>[]> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      let rows: readonly Record<string, unknown>[] = [];
      for (const statement of statements) rows = (await client.query(statement)).rows;
      return rows;
    } finally {
      await client.end();
    }
  };
  const examined = async (url: string, part: string): Promise<Found> => {
    const { code, stdout, stderr } = await runHere(['doctor', '--json'], env(url));
    assert.equal(code, 1, stderr);
    const { checks } = JSON.parse(stdout) as { checks: readonly Found[] };
    const found = checks.find((check) => check.part === part);
    assert.ok(found);
    return found;
  };
  const says = async (url: string, command: readonly string[], pattern: RegExp): Promise<void> => {
    const { code, stderr } = await runHere(command, env(url));
    assert.equal(code, 1, `${command}: ${stderr}`);
    assert.match(stderr, pattern);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  };

  const migrated = async (url: string): Promise<void> => {
    const { code, stderr } = await runHere(['migrate'], env(url));
    assert.equal(code, 0, stderr);
  };

  test('a mistyped name: no command creates it, and each reports it', async () => {
    const url = as('mistyped_fleet');
    assert.deepEqual(await examined(url, 'database').then(({ verdict }) => verdict), 'fault');
    for (const command of [
      ['migrate', '--check'],
      ['migrate'],
      ['status'],
      ['reconcile', '--once'],
      ['plan'],
    ])
      await says(
        url,
        command,
        /^decnet-fleet: The database .*mistyped_fleet refuses the connection: database "mistyped_fleet" does not exist/,
      );
    const found = await run(as('postgres'), `select 1 from pg_database where datname like 'mistyped%'`);
    assert.deepEqual(found, []);
  });

  test('an encoding without some characters', async () => {
    const name = `latin_${process.pid}`;
    await run(
      as('postgres'),
      `create database ${name} encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0`,
    );
    const url = as(name);
    try {
      const { verdict, text } = await examined(url, 'database');
      assert.equal(verdict, 'fault');
      assert.match(text, /Its encoding is LATIN1.*create database NAME encoding 'UTF8' template template0/);
      await says(url, ['migrate'], /refuses a character: .*encoding must be UTF8/);
    } finally {
      await run(as('postgres'), `drop database ${name} with (force)`);
    }
  });

  test('read-only transactions', async () => {
    const name = `readonly_${process.pid}`;
    await run(as('postgres'), `create database ${name}`);
    const url = as(name);
    try {
      await migrated(url);
      await run(url, `alter database ${name} set default_transaction_read_only = on`);
      const { verdict, text } = await examined(url, 'database');
      assert.equal(verdict, 'fault');
      assert.match(text, /read-only.*Turn the setting off/);
      await says(url, ['migrate'], /is read-only: .*point DATABASE_URL at the primary/);
    } finally {
      await run(as('postgres'), `drop database ${name} with (force)`);
    }
  });

  test('a standby', async () => {
    // Always in recovery, as a standby without its primary.
    const standby = await postgresServer({
      prepare: (data) => writeFileSync(join(data, 'standby.signal'), ''),
    });
    try {
      const { verdict, text } = await examined(standby.url, 'database');
      assert.equal(verdict, 'fault');
      assert.match(text, /a standby, which is read-only.*Point DATABASE_URL at the primary/);
      await says(standby.url, ['migrate'], /is read-only: .*point DATABASE_URL at the primary/);
    } finally {
      await standby.remove();
    }
  });

  test('a role that may not create tables', async () => {
    const [name, role] = [`bare_${process.pid}`, `plain_${process.pid}`];
    await run(as('postgres'), `create role ${role} login password 'secret'`, `create database ${name}`);
    // The default of PostgreSQL 15 and newer.
    await run(as(name), 'revoke create on schema public from public');
    const url = as(name, { user: role });
    try {
      const { verdict, text } = await examined(url, 'schema');
      assert.equal(verdict, 'fault');
      assert.match(
        text,
        new RegExp(
          `role ${role} may not create tables in schema public.*grant create on schema public to ${role}`,
        ),
      );
      await says(
        url,
        ['migrate'],
        /refuses: permission denied for schema public\. .*grant create on schema public/,
      );
      await run(as(name), `grant create on schema public to ${role}`);
      await says(url, ['migrate'], /refuses: permission denied for database .*grant create on database NAME/);
      await run(as(name), `grant create on database ${name} to ${role}`);
      await migrated(url);
    } finally {
      await run(as('postgres'), `drop database ${name} with (force)`, `drop role ${role}`);
    }
  });
});
