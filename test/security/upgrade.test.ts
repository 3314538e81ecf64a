import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { packageRoot } from '../../src/lib/package.ts';
import { cli, type Env, type Finished } from '../harness/cli.ts';
import { type TestDatabase, testDatabase } from '../harness/database.ts';
import { applyGrant, type Granted } from '../harness/granted.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { runHere } from '../harness/run-here.ts';
import { noStore, type TestStore, testStore } from '../harness/stores.ts';

/** @see test/fixtures/version-0.1/README.md */
const fixture = (name: string): string =>
  readFileSync(join(packageRoot, 'test/fixtures/version-0.1', name), 'utf8');

const tables = [
  'fleet_hosts',
  'fleet_deckies',
  'fleet_transitions',
  'fleet_gaps',
  'fleet_alarms',
  'fleet_notifications',
];

/** Grants host `mine` as version 0.1 did. @param grantsHost false: only its second half was run */
async function grantedBy01(store: TestStore, grantsHost = true): Promise<Granted> {
  const [role, password] = [`decnet_mine_${randomBytes(3).toString('hex')}`, randomBytes(8).toString('hex')];
  const address = (url: string | null): string =>
    Object.assign(new URL(url ?? ''), { username: role, password }).href;
  const text = `${fixture('grant.txt')}
DECNET_HOST_UUID=mine
DATABASE_URL=${address(store.db.url)}
REDIS_URL=${address(store.redisUrl)}`;
  const statements = grantsHost ? text : text.replace(/^insert into fleet_grants.*\n/m, '');
  return applyGrant(
    store,
    statements.replaceAll('ROLE', role).replaceAll('PASSWORD', password),
    /^create role[\s\S]*?^$/m,
  );
}

const temporaryTable = [
  'create temp table fleet_grants (role_name text, host_uuid text)',
  `insert into pg_temp.fleet_grants values (session_user, 'peer')`,
  'grant all on pg_temp.fleet_grants to public',
];

/** What one session of a role does with the rows of each host. */
interface Reached {
  readonly seen: readonly string[];
  readonly changed: readonly string[];
}

/** @param first the statements of the attack */
async function reachedBy({ settings }: Granted, first: readonly string[] = []): Promise<Reached> {
  const client = new pg.Client({ connectionString: settings.DATABASE_URL ?? '' });
  await client.connect();
  const hostsOf = async (statement: string): Promise<readonly string[]> => {
    const { rows } = await client.query(statement);
    return [...new Set(rows.map(({ host_uuid }) => host_uuid as string))].sort();
  };
  try {
    await client.query('begin');
    for (const statement of first) await client.query(statement);
    return {
      seen: await hostsOf('select host_uuid from fleet_deckies'),
      changed: await hostsOf(`update fleet_deckies set state = 'failed' returning host_uuid`),
    };
  } finally {
    await client.end();
  }
}

/** Runs work while the master has deleted all grants. */
async function withoutGrants<T>(db: TestDatabase, work: () => Promise<T>): Promise<T> {
  const rows = await db.query<{ role_name: string; host_uuid: string }>(
    'delete from fleet_grants returning *',
  );
  try {
    return await work();
  } finally {
    for (const { role_name, host_uuid } of rows)
      await db.query('insert into fleet_grants values ($1, $2)', [role_name, host_uuid]);
  }
}

/** Columns that version 0.1 does not have. */
const newColumns = [
  'cause',
  'unsettled_at',
  'stopped_at',
  'stopped_by',
  'paused_at',
  'paused_until',
  'paused_by',
  'paused_why',
  'resumed_at',
  'incident',
  'incident_told',
  'receiver',
  'fault',
  'last_lines',
];

/** All rows; columns and ids that the upgrade adds or changes are left out. */
async function rowsOf(db: TestDatabase): Promise<unknown> {
  const rows = await Promise.all(
    tables.map((table) =>
      db.query(`select (to_jsonb(t) - $1::text[])::text as row from ${table} t order by 1`, [
        [...newColumns, 'id'],
      ]),
    ),
  );
  return rows.map((found, at) => [tables[at], found]);
}

/** Everything that a migration can create, as PostgreSQL prints it. */
async function schemaOf(db: TestDatabase): Promise<readonly string[]> {
  const found = await db.query<{ line: string }>(`
    select format('column %s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default) as line
      from information_schema.columns where table_schema = 'public' and table_name <> 'fleet_migrations'
    union all select format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
      from pg_constraint where connamespace = 'public'::regnamespace
    union all select indexdef from pg_indexes where schemaname = 'public'
    union all select format('policy %s %s %s %s %s %s', tablename, policyname, permissive, cmd, qual, with_check) from pg_policies
    union all select format('table %s %s', relname, relrowsecurity)
      from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'S')
    union all select pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace
    union all select format('everyone may %s %s', privilege_type, of) from (
        select oid::regclass::text, coalesce(relacl, acldefault('r', relowner))
          from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'S')
        union all select oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner))
          from pg_proc where pronamespace = 'public'::regnamespace
        union all select 'the database', coalesce(datacl, acldefault('d', datdba))
          from pg_database where datname = current_database()
        union all select 'the schema', coalesce(nspacl, acldefault('n', nspowner))
          from pg_namespace where nspname = 'public') as o (of, acl), aclexplode(acl) where grantee = 0
    union all select format('migration %s', name) from fleet_migrations
    order by 1`);
  return found.map(({ line }) => line);
}

describe('an upgrade from version 0.1', { skip: noStore('redis') }, () => {
  let store: TestStore;
  let host: TestHost;
  let env: Env;
  let mine: Granted;
  /** Of this one only the second half of the grant was run. */
  let half: Granted;
  let inVersion01: Readonly<Record<'plain' | 'temporaryTable' | 'noGrant' | 'halfGrant', Reached>>;
  let rowsBefore: unknown;
  let grantsBefore: unknown;
  let migrated: Finished;

  before(async () => {
    store = await testStore('redis', { migrated: false });
    host = testHost();
    env = host.env({ ...store.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
    host.write([declaredDecky('web'), declaredDecky('mail')]);
    await store.db.query(fixture('schema.sql'));
    await store.db.query(fixture('rows.sql'));
    mine = await grantedBy01(store);
    half = await grantedBy01(store, false);
    inVersion01 = {
      plain: await reachedBy(mine),
      temporaryTable: await reachedBy(mine, temporaryTable),
      noGrant: await withoutGrants(store.db, () => reachedBy(mine)),
      halfGrant: await reachedBy(half),
    };
    await store.db.query(`insert into fleet_gaps values ('mine', '2026-03-01 12:00Z', '2026-03-01 13:00Z')`);
    await store.db.query(
      `insert into fleet_notifications (host_uuid, body) values ('peer', '{"text": "x"}')`,
    );
    rowsBefore = await rowsOf(store.db);
    grantsBefore = await store.db.query('select * from fleet_grants');
    // Its constraints allowed these.
    await store.db.query(
      `insert into fleet_transitions (id, host_uuid, name, reason) values (9000000000000000000, 'mine', 'x', 'planted')`,
    );
    await store.db.query(
      `insert into fleet_hosts (host_uuid, interval_s, last_pass_at) values ('evil', -5, 'infinity')`,
    );
    migrated = await cli(['migrate'], env);
  });
  after(async () => {
    await mine?.remove();
    await half?.remove();
    host?.remove();
    await store?.drop();
  });

  test('starts from a database on which the attacks succeed', () => {
    const [own, peer, all] = [['mine'], ['peer'], ['mine', 'peer']];
    assert.deepEqual(inVersion01, {
      plain: { seen: own, changed: own },
      temporaryTable: { seen: peer, changed: peer },
      noGrant: { seen: all, changed: all },
      halfGrant: { seen: all, changed: all },
    });
  });

  test('runs the new migrations, and leaves the grants as they are', async () => {
    assert.deepEqual(
      [migrated.code, migrated.stdout],
      [
        0,
        'Ran 005-stolen-worker, 006-causes, 007-settling, 008-stopped-workers, 009-heartbeat, 010-incidents, 011-receivers, 012-silences, 013-pauses, 014-last-lines, 015-audit.\n',
      ],
      migrated.stderr,
    );
    assert.deepEqual(await store.db.query('select * from fleet_grants'), grantsBefore);
  });

  test('results in the schema of a new database', async () => {
    const fresh = await testDatabase({ migrated: false });
    assert.equal((await runHere(['migrate'], { ...env, DATABASE_URL: fresh.url })).code, 0);
    const created = await schemaOf(fresh);
    await fresh.drop();
    assert.ok(created.length > 100, String(created.length));
    assert.deepEqual(await schemaOf(store.db), created);
  });

  test('keeps all rows, and replaces values that break other hosts', async () => {
    assert.deepEqual(
      await store.db.query(
        `select interval_s, isfinite(last_pass_at) as finite from fleet_hosts where host_uuid = 'evil'`,
      ),
      [{ interval_s: null, finite: true }],
    );
    const [planted] = await store.db.query(`select id::int from fleet_transitions where reason = 'planted'`);
    assert.ok(Number(planted?.id) < 100, String(planted?.id));
    await store.db.query(`delete from fleet_transitions where reason = 'planted'`);
    await store.db.query(`delete from fleet_hosts where host_uuid = 'evil'`);
    assert.deepEqual(await rowsOf(store.db), rowsBefore);
  });

  test('a temporary table no longer gives access to another host', async () => {
    await assert.rejects(reachedBy(mine, temporaryTable), /permission denied to create temporary tables/);
    await store.db.query(
      `do $$ begin execute format('grant temporary on database %I to public', current_database()); end $$`,
    );
    assert.deepEqual(await reachedBy(mine, temporaryTable), { seen: ['mine'], changed: ['mine'] });
  });

  test('a deleted grant gives access to no host', async () => {
    assert.deepEqual(await withoutGrants(store.db, () => reachedBy(mine)), { seen: [], changed: [] });
  });

  test('half of a grant gives access to no host', async () => {
    assert.deepEqual(await reachedBy(half), { seen: [], changed: [] });
  });

  test('the role works as before, within its limits', async () => {
    assert.deepEqual(await reachedBy(mine), { seen: ['mine'], changed: ['mine'] });
    const passed = await runHere(['reconcile', '--once', '--json'], { ...env, ...mine.settings });
    assert.equal(passed.code, 0, passed.stderr);
    assert.deepEqual(
      await store.db.query('select rolconnlimit from pg_roles where rolname = $1', [mine.role]),
      [{ rolconnlimit: 10 }],
    );
  });
});
