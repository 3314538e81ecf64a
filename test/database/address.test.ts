import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { certificates, noCertificates } from '../harness/certificates.ts';
import { cli, start } from '../harness/cli.ts';
import { runHere } from '../harness/run-here.ts';
import { postgresServer, type Server } from '../harness/servers.ts';
import { waitFor } from '../harness/wait.ts';

describe('the address of the database', {
  skip: noCertificates,
}, () => {
  let directory: string;
  let server: Server;
  let sockets: string;
  const more = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-address-'));
    sockets = mkdtempSync(join(tmpdir(), 'decnet-fleet-sockets-'));
    chmodSync(directory, 0o755);
    const made = certificates(directory);
    for (const name of ['ca', 'other']) made.authority(name);
    made.signed('server', 'ca');
    server = await postgresServer({
      settings: `-c unix_socket_directories=${sockets} -c ssl=on`,
      prepare: (data, owner) => {
        for (const name of ['server.crt', 'server.key']) {
          const file = join(data, name);
          writeFileSync(file, readFileSync(join(directory, name)), { mode: 0o600 });
          if (owner !== null) chownSync(file, owner.uid, owner.gid);
        }
        // Over the network only with TLS.
        const rules = ['hostssl all all all scram-sha-256', 'local all all scram-sha-256'];
        writeFileSync(join(data, 'pg_hba.conf'), `${rules.join('\n')}\n`);
        if (owner !== null) chownSync(sockets, owner.uid, owner.gid);
        writeFileSync(join(directory, 'decnet-state.json'), '{"config":{"deckies":[]}}');
      },
    });
  });
  after(async () => {
    await server.remove();
    for (const one of [directory, sockets]) rmSync(one, { recursive: true, force: true });
  });

  /** @param parameters replace those of the address */
  const address = (parameters: string): string => `${server.url.replace(/\?.*/, '')}?${parameters}`;
  const verified = () => `sslmode=verify-full&sslrootcert=${join(directory, 'ca.crt')}`;
  const env = (url: string) => ({
    ...more,
    DATABASE_URL: url,
    DECNET_STATE_FILE: join(directory, 'decnet-state.json'),
    DECNET_DATA_DIR: join(directory, 'data'),
  });
  const ask = async (statement: string): Promise<readonly Record<string, unknown>[]> => {
    const client = new pg.Client({ connectionString: address(verified()) });
    await client.connect();
    try {
      return (await client.query(statement)).rows;
    } finally {
      await client.end();
    }
  };
  // One that has just begun has no user yet, and none of the rest.
  const others = `from pg_stat_activity a left join pg_stat_ssl s using (pid)
    where a.pid <> pg_backend_pid() and backend_type = 'client backend' and usename is not null`;

  test('applies to every connection of a process: verified TLS, application name and options', async () => {
    const url = address(`${verified()}&application_name=mine&options=-c%20statement_timeout%3D54321`);
    const migrated = await runHere(['migrate'], env(url));
    assert.equal(migrated.code, 0, migrated.stderr);
    const running = start(['reconcile', '--interval', '1'], env(url));
    try {
      await waitFor(
        async () =>
          (await ask(`select ${'1'} from fleet_hosts where last_full_pass_at is not null`)).length > 0,
      );
      // Tables, queues and the bus.
      await waitFor(async () => (await ask(`select ssl ${others}`)).length >= 4);
      const found = await ask(`select application_name as name, ssl ${others}`);
      assert.deepEqual(
        found.filter(({ ssl }) => ssl !== true),
        [],
      );
      assert.ok(
        found.some(({ name }) => name === 'mine'),
        JSON.stringify(found),
      );
    } finally {
      running.child.kill('SIGTERM');
      assert.equal((await running.finished).code, 0);
    }
    const settings = `do $$ begin create table if not exists said (timeout text);
      create or replace function say() returns trigger language plpgsql as
        'begin insert into public.said values (current_setting(''statement_timeout'')); return new; end';
      create or replace trigger say after update on fleet_hosts for each row execute function say(); end $$`;
    await ask(settings);
    assert.equal((await cli(['reconcile', '--once'], env(url))).code, 0);
    assert.deepEqual(await ask('select distinct timeout from said'), [{ timeout: '54321ms' }]);
    await ask('drop trigger say on fleet_hosts; drop function say; drop table said');
  });

  test('a refusal by the server or an untrusted certificate is an error in every command', async () => {
    for (const parameters of [
      'sslmode=disable',
      '',
      `sslmode=verify-full&sslrootcert=${join(directory, 'other.crt')}`,
    ]) {
      for (const command of [['status'], ['reconcile', '--once'], ['migrate', '--check']]) {
        const { code, stderr } = await runHere(command, env(address(parameters)));
        assert.equal(code, 1, `${parameters} ${command}: ${stderr}`);
        assert.match(stderr, /^decnet-fleet: The (database|queues)/m, `${parameters}: ${stderr}`);
      }
    }
  });

  test('an unreadable file in the address: exit 2 with the file', async () => {
    const { code, stderr } = await runHere(
      ['status'],
      env(address('sslmode=verify-full&sslrootcert=/nonexistent/ca.crt')),
    );
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^decnet-fleet: DATABASE_URL cannot be used: .*\/nonexistent\/ca\.crt/);
    assert.equal(stderr.trim().split('\n').length, 1);
  });

  test('a Unix socket in each notation', async () => {
    const { username, password, port, pathname } = new URL(server.url);
    assert.equal((await runHere(['migrate'], env(address(verified())))).code, 0);
    for (const url of [
      `postgresql://${username}:${password}@${pathname}?host=${sockets}&port=${port}`,
      `postgresql://${pathname}?host=${sockets}&port=${port}&user=${username}&password=${password}`,
      `postgresql://${username}:${password}@${encodeURIComponent(sockets)}:${port}${pathname}`,
    ]) {
      const { code, stderr } = await runHere(['status', '--json'], env(url));
      assert.equal(code, 0, `${url}: ${stderr}`);
      const once = await runHere(['reconcile', '--once'], env(url));
      assert.equal(once.code, 0, `${url}: ${once.stderr}`);
    }
    const { code, stderr } = await runHere(['status'], env(`postgresql://u:secret@/fleet?host=/nonexistent`));
    assert.equal(code, 1);
    assert.match(stderr, /The database \/nonexistent\/fleet does not answer/);
    assert.doesNotMatch(stderr, /secret/);
  });

  test('missing parts come from the PG* variables', async () => {
    const { hostname, username, password, port, pathname } = new URL(server.url);
    const variables = {
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: username,
      PGPASSWORD: password,
      PGDATABASE: pathname.slice(1),
    };
    const tls = `?${verified()}`;
    for (const url of [`postgresql://${tls}`, `postgresql://${hostname}${tls}`]) {
      const { code, stderr } = await cli(['reconcile', '--once'], { ...env(url), ...variables });
      assert.equal(code, 0, `${url}: ${stderr}`);
    }
  });

  test('the PG* variables do not affect the embedded database', async () => {
    const { DATABASE_URL: _, ...embedded } = env('');
    const { code, stderr } = await cli(['status', '--json'], {
      ...embedded,
      PGSSLMODE: 'require',
      PGHOST: '192.0.2.1',
      PGOPTIONS: '-c no_such_setting=1',
    });
    assert.equal(code, 0, stderr);
  });
});
