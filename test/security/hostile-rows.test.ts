import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { openDatabase } from '../../src/database/orm.ts';
import { report } from '../../src/database/queries/report.ts';
import { type Env, type Running, start, startDashboard } from '../harness/cli.ts';
import { type TestDatabase, testDatabase } from '../harness/database.ts';
import { granted, withoutRules } from '../harness/granted.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { noStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

/** Escape sequences that set the title and clear the terminal, a bidirectional control and a line break. */
const hostileText = '\u001b]0;planted\u0007\u001b[2J\u009b31m\u202eplanted\r\n';

describe('rows that a compromised worker wrote', () => {
  let db: TestDatabase;
  let host: TestHost;
  let env: Env;
  let dashboard: Running;
  let url: string;

  before(async () => {
    db = await testDatabase();
    host = testHost();
    env = host.env({ DATABASE_URL: db.url, DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
    await withoutRules(db);
    for (const name of ['good', 'other'])
      await db.query(
        `insert into fleet_hosts (host_uuid, interval_s, last_pass_at, last_full_pass_at, last_observed_at)
         values ($1, 30, now(), now(), now())`,
        [name],
      );
    await db.query(
      `insert into fleet_deckies (host_uuid, name, services, decky_ip, state) values ('good', 'web', '["ssh"]', '192.0.2.7', 'running')`,
    );
    await db.query(
      `insert into fleet_transitions (host_uuid, name, to_state, reason) values ('good', 'web', 'running', 'new in the file')`,
    );
    const times = [
      `'infinity'`,
      `'-infinity'`,
      `'294276-12-31 23:59:59Z'`,
      `'4713-01-01 00:00:00Z BC'`,
      'now()',
    ];
    const intervals = [0, -1, -2147483648, 2147483647];
    for (const [at, time] of times.entries())
      await db.query(
        `insert into fleet_hosts (host_uuid, interval_s, first_seen_at, last_pass_at, last_full_pass_at, last_observed_at,
           last_error, version, counts, notes, figures, stopped_at, stopped_by)
         values ($1, $2, ${time}, ${time}, ${time}, ${time}, $3, $3, $4, $5, $6, ${time}, $3)`,
        [
          `evil-${at}`,
          intervals[at % intervals.length],
          hostileText,
          JSON.stringify([`{"containers":"x"}`, 7, [], null, { inserted: { toString: 0 } }][at]),
          JSON.stringify({
            held: {
              [hostileText]: { reason: { toString: 0 }, since: { toString: 0 } },
              b: { reason: hostileText, since: 'x' },
              c: 7,
            },
            left: { d: { since: 1e308 } },
            contested: [{ toString: 0 }],
            undeclared: [
              { [hostileText]: { kind: {}, containers: { toString: 0 }, since: { toString: 0 } } },
              { a: { kind: hostileText, containers: [hostileText, 7, null, { toString: 0 }], since: 1e308 } },
              7,
              [],
              null,
            ][at],
            deployments: [
              7,
              { rollout: 7, never_ran: [] },
              { rollout: { of: { toString: 0 }, since: 7 } },
              { rollout: { of: hostileText, since: hostileText } },
              { never_ran: { x7: { toString: 0 }, [hostileText]: 7 } },
            ][at],
          }),
          JSON.stringify({ passes: { ok: { buckets: { toString: 0 }, count: -1 } } }),
        ],
      );
    for (const [at, time] of times.entries())
      for (const services of ['[{"toString":0}]', '{"a":1}', '7', JSON.stringify([hostileText])])
        await db.query(
          `insert into fleet_deckies (host_uuid, name, services, decky_config, decky_ip, state, last_error, last_seen, updated_at, reconciled_at)
           values ($1, $2, $3, $4, $5, 'pending', $5, ${time}, ${time}, ${time})`,
          [`evil-${at}`, `x${services.slice(0, 3)}`, services, '[{"toString":0}]', hostileText],
        );
    await db.query(
      `insert into fleet_transitions (id, host_uuid, name, from_state, to_state, reason, at, job_id)
       select 9000000000000000000 + n, 'evil-4', 'x[{"', 'planted', $1, $1, 'infinity', $1 from generate_series(1, 1000) n`,
      [hostileText],
    );
    await db.query(
      `insert into fleet_gaps select 'evil-4', to_timestamp(n), 'infinity' from generate_series(1, 1000) n`,
    );
    ({ dashboard, url } = await startDashboard(env));
  });
  after(async () => {
    dashboard.child.kill();
    await dashboard.finished;
    host.remove();
    await db.drop();
  });

  for (const path of [
    '/',
    '/?q=x',
    '/?host=evil-1&open=evil-1',
    '/history',
    '/hosts/good',
    '/deckies/good/web',
    '/api/fleet',
    '/api/hosts',
    '/api/history',
    '/metrics',
    ...[0, 1, 2, 3, 4].map((at) => `/hosts/evil-${at}`),
    '/deckies/evil-4/x7',
    '/history?host=evil-4',
  ])
    test(`${path} is answered without control characters`, async () => {
      const answer = await fetch(url + path, { signal: AbortSignal.timeout(20_000) });
      const text = await answer.text();
      assert.equal(answer.status, 200, text);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
      assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
      if (!path.includes('evil')) assert.match(text, /good/);
    });

  test('changes in the future do not hide the history of other hosts', async () => {
    const { transitions } = (await (await fetch(`${url}/api/history?limit=5`)).json()) as {
      transitions: { host_uuid: string }[];
    };
    assert.deepEqual(
      transitions.map(({ host_uuid }) => host_uuid),
      ['good'],
    );
  });

  for (const command of [
    ['status'],
    ['hosts'],
    ['history'],
    ['status', '--host', 'evil-0'],
    ['history', '--host', 'evil-4'],
  ])
    test(`${command.join(' ')} works and prints no control characters`, async () => {
      const { code, stdout, stderr } = await runHere(command, env);
      assert.deepEqual([code, stderr], [0, '']);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
      assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      assert.doesNotMatch((await runHere([...command, '--json'], env)).stdout, /[\u007f-\u009f\u202e]/);
    });

  test('the schedule limits their intervals', async () => {
    const database = await openDatabase(db.url);
    const intervals = (await report(database.query, 30).intervals()).map(({ interval_s }) => interval_s);
    await database.close();
    assert.deepEqual(
      intervals.toSorted((a, b) => a - b),
      [1, 1, 1, 1, 30, 30, 86_400],
    );
  });
});

describe('the tables', () => {
  let db: TestDatabase;
  before(async () => {
    db = await testDatabase();
    await db.query(`insert into fleet_hosts (host_uuid) values ('a')`);
    await db.query(`insert into fleet_deckies (host_uuid, name, state) values ('a', 'web', 'running')`);
    await db.query(
      `insert into fleet_transitions (host_uuid, name, to_state, reason) values ('a', 'web', 'running', 'x')`,
    );
    await db.query(
      `insert into fleet_alarms (host_uuid, name, state, told, since, changed_at) values ('a', 'web', 'failed', 'running', now(), now())`,
    );
  });
  after(() => db.drop());

  const times: Readonly<Record<string, readonly string[]>> = {
    fleet_hosts: ['first_seen_at', 'last_pass_at', 'last_full_pass_at', 'last_observed_at', 'stopped_at'],
    fleet_deckies: ['last_seen', 'updated_at', 'reconciled_at'],
    fleet_alarms: ['since', 'changed_at', 'unsettled_at'],
  };
  const values: readonly (readonly [table: string, column: string, value: string])[] = [
    ...Object.entries(times).flatMap(([table, columns]) =>
      columns.flatMap((column) =>
        [`'infinity'`, `'-infinity'`, `'294276-12-31 23:59:59Z'`].map(
          (value) => [table, column, value] as const,
        ),
      ),
    ),
    ...['0', '-1', '86401'].map((value) => ['fleet_hosts', 'interval_s', value] as const),
    ['fleet_hosts', 'turn', '-1'],
    ['fleet_hosts', 'turn', '9223372036854775807'],
    ['fleet_hosts', 'last_error', `repeat('x', 5000)`],
    ['fleet_hosts', 'version', `repeat('x', 5000)`],
    ['fleet_hosts', 'stopped_by', `repeat('x', 5000)`],
    ['fleet_hosts', 'identity', `repeat('x', 5000)`],
    ['fleet_hosts', 'counts', `'7'`],
    ['fleet_hosts', 'counts', `jsonb_build_object('a', repeat('x', 100000))`],
    ['fleet_hosts', 'notes', `'[]'`],
    ['fleet_hosts', 'figures', `'"x"'`],
    ['fleet_hosts', 'figures', `jsonb_build_object('a', repeat('x', 100000))`],
    ['fleet_deckies', 'services', `'{}'`],
    ['fleet_deckies', 'decky_config', `'[]'`],
    ['fleet_deckies', 'decky_config', `jsonb_build_object('a', repeat('x', 20000000))`],
    ['fleet_deckies', 'last_error', `repeat('x', 20000000)`],
    ['fleet_deckies', 'decky_ip', `repeat('x', 5000)`],
    ['fleet_deckies', 'compose_hash', `repeat('x', 5000)`],
    ['fleet_alarms', 'reason', `repeat('x', 5000)`],
    ['fleet_alarms', 'told', `repeat('x', 5000)`],
    ['fleet_alarms', 'cause', `'"x"'`],
    ['fleet_alarms', 'cause', `jsonb_build_object('state', repeat('x', 2000))`],
    ['fleet_alarms', 'last_lines', `'[]'`],
    ['fleet_alarms', 'last_lines', `jsonb_build_object('ssh', repeat('x', 20000))`],
    ['fleet_transitions', 'cause', `'[]'`],
    ['fleet_transitions', 'cause', `jsonb_build_object('state', repeat('x', 2000))`],
    ['fleet_alarms', 'recent', `'7'`],
    ['fleet_alarms', 'recent', `jsonb_build_array(repeat('x', 100000))`],
  ];
  for (const [table, column, value] of values)
    test(`refuse ${value} in ${table}.${column}`, () =>
      assert.rejects(db.query(`update ${table} set ${column} = ${value}`), {
        code: '23514',
        constraint: `${table}_${column}_sane`,
      }));

  test('accept the largest allowed values', async () => {
    await db.query(`update fleet_hosts set interval_s = 86400, last_error = repeat('x', 4000)`);
    await db.query(`update fleet_deckies set decky_config = jsonb_build_object('a', repeat('x', 1000000))`);
  });
});

describe('grant --revoke', { skip: noStore('redis') }, () => {
  test('ends sessions, role, Redis user and connections in one step', async () => {
    const store = await testStore('redis');
    const host = testHost();
    const env = host.env({ ...store.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
    host.write([declaredDecky('web')]);
    const mine = await granted(store, env, 'mine');
    const other = await granted(store, env, 'other');
    const elsewhere = `decnet_mine_${String(process.pid).padStart(6, '0').slice(-6)}`;
    const worker = start([], { ...env, ...mine.settings, DECNET_INTERVAL: '1' }, 'worker.ts');
    const client = new pg.Client({ connectionString: mine.settings.DATABASE_URL ?? '' });
    client.on('error', () => undefined);
    await client.connect();
    try {
      await waitFor(
        async () => (await jsonHere<{ hosts: unknown[] }>(['hosts', '--json'], env)).hosts.length > 0,
      );
      // A role of another database's fleet, whose host has the same name.
      await store.db.query(`create role ${elsewhere} login`);
      const { code, stdout, stderr } = await runHere(['grant', '--host', 'mine', '--revoke'], env);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(
        stdout,
        new RegExp(`^Role ${mine.role} of host mine is gone, [1-9]\\d* sessions? closed\\.$`, 'm'),
      );
      assert.match(stdout, new RegExp(`^Redis user ${mine.role} of host mine is gone\\.$`, 'm'));
      await assert.rejects(client.query('select 1'));
      assert.deepEqual(
        await store.db.query('select rolcanlogin from pg_roles where rolname = $1', [elsewhere]),
        [{ rolcanlogin: true }],
      );
      assert.deepEqual(await store.db.query('select role_name from fleet_grants'), [
        { role_name: other.role },
      ]);
      assert.equal((await runHere(['hosts'], { ...env, ...mine.settings })).code, 1);
      assert.equal((await runHere(['hosts'], { ...env, ...other.settings })).code, 0);
      assert.match(
        (await runHere(['grant', '--host', 'mine', '--revoke'], env)).stdout,
        /No role was granted host mine/,
      );

      const refused = await runHere(['grant', '--host', 'other', '--revoke'], { ...env, ...other.settings });
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /NOPERM|may not|permission/);
    } finally {
      worker.child.kill('SIGKILL');
      await worker.finished;
      await store.db.query(`drop role if exists ${elsewhere}`);
      await mine.remove();
      await other.remove();
      host.remove();
      await store.drop();
    }
  });

  test('and the grant need no superuser, but an owner of the tables with CREATEROLE', async () => {
    const store = await testStore('redis');
    const host = testHost();
    const owner = `owner_${process.pid}`;
    await store.db.query(`create role ${owner} login createrole password 'x'`);
    await store.db.query(`create database ${owner} owner ${owner}`);
    const url = new URL(store.db.url);
    Object.assign(url, { username: owner, password: 'x', pathname: `/${owner}` });
    const env = host.env({
      ...store.env,
      DATABASE_URL: url.href,
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
    });
    const db = new pg.Client({ connectionString: url.href });
    db.on('error', () => undefined);
    await db.connect();
    const asOwner = {
      ...store,
      db: {
        ...store.db,
        query: async (sql: string, values?: readonly unknown[]) =>
          (await db.query(sql, values && [...values])).rows,
      },
    };
    try {
      const migrated = await runHere(['migrate'], env);
      assert.equal(migrated.code, 0, migrated.stderr);
      host.write([declaredDecky('web')]);
      const mine = await granted(asOwner as typeof store, env, 'mine');
      const client = new pg.Client({ connectionString: mine.settings.DATABASE_URL ?? '' });
      client.on('error', () => undefined);
      await client.connect();
      const passed = await runHere(['reconcile', '--once'], { ...env, ...mine.settings });
      assert.equal(passed.code, 0, passed.stderr);
      const { code, stdout, stderr } = await runHere(['grant', '--host', 'mine', '--revoke'], env);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, new RegExp(`^Role ${mine.role} of host mine is gone, 1 session closed\\.$`, 'm'));
      await assert.rejects(client.query('select 1'));
      await mine.remove();
    } finally {
      await db.end();
      await store.db.query(`drop database ${owner} with (force)`);
      await store.db.query(`drop role ${owner}`);
      host.remove();
      await store.drop();
    }
  });

  test('prints addresses without secrets of the master’s', async () => {
    for (const [name, address] of [
      [
        'DATABASE_URL',
        'postgresql://fleet:s3cret@db.example:5433/fleet?user=master&password=s3cret&sslmode=verify-full&options=-c%20a%3Ds3cret#s3cret',
      ],
      ['REDIS_URL', 'redis://:s3cret@redis.example:6380/4?username=master&password=s3cret'],
    ] as const) {
      const { stdout } = await runHere(['grant', '--host', 'h'], { [name]: address });
      assert.doesNotMatch(stdout, /s3cret|user=master/);
      assert.match(
        stdout,
        name === 'REDIS_URL'
          ? /@redis\.example:6380\/4$/m
          : /@db\.example:5433\/fleet\?sslmode=verify-full$/m,
      );
      if (name === 'REDIS_URL') assert.match(stdout, / \+select\|4 /);
    }
  });
});
