import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { dumpedTables } from '../../src/database/dump.ts';
import { embeddedExists } from '../../src/embedded-postgres/cluster.ts';
import { openEmbedded } from '../../src/embedded-postgres/embedded.ts';
import { type Env, start } from '../harness/cli.ts';
import { type TestDatabase, testDatabase } from '../harness/database.ts';
import { olderPostgres } from '../harness/older-postgres.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';

/** Not in a dump: grants, and state of running processes. */
const left = [
  'fleet_grants',
  'fleet_heartbeat',
  'fleet_limits',
  'fleet_locks',
  'fleet_masters',
  'fleet_migrations',
];

const rowsOf = async (url: string): Promise<unknown> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const tables = [];
  for (const table of dumpedTables) {
    const { rows } = await client.query(
      `select row_to_json(t)::text as row from ${table} t order by row_to_json(t)::text collate "C"`,
    );
    // A restore is recorded, too.
    tables.push([table, rows.map(({ row }) => row).filter((row) => !row.includes('"act":"restore"'))]);
  }
  await client.end();
  return tables;
};

/** Values that are easily changed: exact numbers, microseconds, every kind of line break, empty and missing values. */
const fill = `
  insert into fleet_hosts (host_uuid, identity, turn, interval_s, first_seen_at, counts) values
    ('a', 'machine-1', 4294967296123, 30, '2026-01-02 03:04:05.678901+00', '{"n": 1.10}'), ('b', null, 0, null, now(), null);
  insert into fleet_deckies (host_uuid, name, services, decky_config, state, last_error) values
    ('a', 'web', '["ssh"]', '{"id": 750727362669608961123, "x": 1.0, "text": "a\\u2028b\\u0085c\\n\\t\\"é😀"}', 'running', ''),
    ('b', 'Ünïcode', '[]', null, 'failed', E'two\\nlines\\r\\u2028');
  insert into fleet_transitions (host_uuid, name, from_state, to_state, reason)
    select 'a', 'web', null, 'running', 'number ' || n from generate_series(1, 2500) n;
  insert into fleet_gaps values ('a', now() - interval '1 hour', now());
  insert into fleet_alarms (host_uuid, name, state, told, since, changed_at) values ('b', 'x', 'failed', 'failed', now(), now());
  insert into fleet_notifications (host_uuid, body) values ('b', '{"text": "failed"}');
  insert into fleet_silences (scope, host_uuid, starts_at, until, every, who, why, active_since)
    values ('host', 'b', '2026-01-02 03:04:05.678901+00', now(), 'daily 01:00-02:00', 'ops', E'two\\nlines', now());
  insert into fleet_audit (who, via, act, host_uuid, target, details, outcome) values ('ops', 'cli', 'pause', 'b', null, 'é😀', 'done');
  insert into fleet_incidents (id, kind, severity, cause, next_command, since, opened_at, changed_at, extent, most, affected, ever,
    silenced_by, silenced_ever, acknowledged_at, acknowledged_by, acknowledged_why, acknowledged_severity)
    values ('i', 'host_stale', 'critical', 'x', 'x', now(), now(), now(), '{}', '{}', '[]', '[]', 1, '["1"]', now(), 'ops', '', 'info')`;

describe('a dump', () => {
  let directory: string;
  let from: TestDatabase;
  let file: string;
  let text: string;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-dump-'));
    chmodSync(directory, 0o755);
    file = join(directory, 'fleet.dump');
    from = await testDatabase();
    await from.query(fill);
    const { code, stdout, stderr } = await runHere(['dump'], { DATABASE_URL: from.url });
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /Dumped hosts 2, deckies 2, transitions 2500, gaps 1, alarms 1, notifications 1, incidents 1, silences 1, audit 1/,
    );
    text = stdout;
    writeFileSync(file, text);
  });
  after(async () => {
    await from.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  const restoreInto = async (db: TestDatabase, path = file) =>
    runHere(['restore', path], { DATABASE_URL: db.url });
  const refused = async (content: string, why: RegExp): Promise<void> => {
    const db = await testDatabase();
    const path = join(directory, 'wrong.dump');
    writeFileSync(path, content);
    const { code, stdout, stderr } = await restoreInto(db, path);
    assert.deepEqual([code, stdout], [1, ''], stderr);
    assert.match(stderr, why);
    assert.match(stderr, /Nothing was restored/);
    assert.deepEqual(await db.query('select host_uuid from fleet_hosts'), []);
    await db.drop();
  };

  test('includes every table of the product, or omits it on purpose', async () => {
    const tables = await from.query<{ name: string }>(
      `select relname as name from pg_class where relkind = 'r' and relname like 'fleet\\_%' order by 1`,
    );
    assert.deepEqual(
      tables.map(({ name }) => name),
      [...dumpedTables, ...left].sort(),
    );
  });

  test('is restored exactly, and new rows are numbered after the old ones', async () => {
    const db = await testDatabase();
    const { code, stdout, stderr } = await restoreInto(db);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /Restored the dump of .*: hosts 2, deckies 2, transitions 2500/);
    assert.deepEqual(await rowsOf(db.url), await rowsOf(from.url));
    const [next] = await db.query<{ id: string }>(
      `insert into fleet_transitions (host_uuid, name, reason) values ('a', 'web', 'new') returning id`,
    );
    assert.equal(Number(next?.id), 2501);
    await db.drop();
  });

  test('leaves the audit log of the database before it', async () => {
    const db = await testDatabase();
    await db.query(
      `insert into fleet_audit (who, via, act, outcome) values ('old', 'cli', 'forget', 'done')`,
    );
    const { code, stderr } = await restoreInto(db);
    assert.deepEqual([code, stderr], [0, '']);
    const entries = await db.query<{ id: string; act: string }>(
      'select id, act from fleet_audit order by id',
    );
    assert.deepEqual(
      entries.map(({ id, act }) => [Number(id), act]),
      [
        [1, 'pause'],
        [2, 'forget'],
        [3, 'restore'],
      ],
    );
    await db.drop();
  });

  test('can be read from standard input', async () => {
    const db = await testDatabase();
    const { code, stderr } = await start(['restore', '-'], { DATABASE_URL: db.url }, undefined, text)
      .finished;
    assert.equal(code, 0, stderr);
    assert.deepEqual(await rowsOf(db.url), await rowsOf(from.url));
    await db.drop();
  });

  test('of an older schema is migrated', async () => {
    const db = await testDatabase({ migrated: false });
    const lines = text.split('\n').map((line) => {
      const value = line === '' ? null : JSON.parse(line);
      if (value?.decnet_fleet_dump === 1)
        return JSON.stringify({ ...value, migration: '001-fleet-tables', tables: dumpedTables.slice(0, 4) });
      if (Array.isArray(value?.columns))
        return JSON.stringify({
          ...value,
          columns: value.columns.filter(
            (name: string) =>
              !/^(paused|resumed)_/.test(name) &&
              !['figures', 'cause', 'stopped_at', 'stopped_by'].includes(name),
          ),
        });
      return line;
    });
    const alarms = lines.findIndex((line) => line.startsWith('{"table":"fleet_alarms"'));
    const path = join(directory, 'older.dump');
    writeFileSync(path, `${lines.slice(0, alarms).join('\n')}\n`);
    const { code, stderr } = await restoreInto(db, path);
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal((await runHere(['migrate', '--check'], { DATABASE_URL: db.url })).code, 0);
    assert.equal((await db.query('select 1 from fleet_transitions')).length, 2500);
    assert.deepEqual(await db.query('select figures from fleet_hosts'), [
      { figures: null },
      { figures: null },
    ]);
    await db.drop();
  });

  describe('is rejected as a whole', () => {
    test('if there already is a fleet', async () => {
      const before = await rowsOf(from.url);
      const { code, stderr } = await restoreInto(from);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /already has a fleet: fleet_hosts has rows\. Nothing was restored\. Restore into a new/,
      );
      assert.deepEqual(await rowsOf(from.url), before);
    });
    test('if it is incomplete', async () => {
      const lines = text.split('\n');
      await refused(lines.slice(0, 1200).join('\n'), /line 1201: the file ends before the end of the dump/);
      await refused(`${lines.slice(0, -2).join('\n')}\n`, /the file ends before the end of the dump/);
      await refused(text.slice(0, 5000), /line \d+: this is not a JSON object/);
      await refused('', /line 1: the file ends before the end of the dump/);
    });
    test('if it has additional rows', () => refused(`${text}{}\n`, /the dump ends before this line/));
    test('if it has a row that violates a constraint', () =>
      refused(text.replace('"state":"running"', '"state":"fine"'), /refuses a row of fleet_deckies/));
    test('if it has an unknown column', () =>
      refused(
        text.replace('"columns":["host_uuid"', '"columns":["x\\"; drop"'),
        /line 2: expected the columns/,
      ));
    test('if it is from a newer version', () =>
      refused(text.replace('015-audit', '999-later'), /which is newer/));
    test('if it is another kind of file', async () => {
      await refused('{"name": "x"}\n', /line 1: this is not a dump of decnet-fleet/);
      await refused('PGDMP', /line 1: this is not a JSON object/);
    });
  });

  test('of a database without tables prints advice', async () => {
    const db = await testDatabase({ migrated: false });
    const { code, stdout, stderr } = await runHere(['dump'], { DATABASE_URL: db.url });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /Run `decnet-fleet migrate`/);
    await db.drop();
  });

  // The steps of docs/upgrade.md.
  test('moves an embedded database to another major version of PostgreSQL', async () => {
    const dataDir = join(directory, 'data');
    const env: Env = { DECNET_DATA_DIR: dataDir };
    const history = () => jsonHere(['history', '--json'], env);
    const old = await openEmbedded(dataDir, await olderPostgres());
    try {
      assert.equal((await runHere(['restore', file], env)).code, 0);
      assert.equal(readFileSync(join(dataDir, 'postgres/data/PG_VERSION'), 'utf8'), '17\n');
      const before = await history();
      const dumped = await runHere(['dump'], env);
      assert.match(dumped.stdout, /^\{"decnet_fleet_dump":1,.*"postgres":"17\./);
      writeFileSync(join(directory, 'major.dump'), dumped.stdout);
      await old.close();

      const newer = await runHere(['status'], env);
      assert.equal(newer.code, 1);
      assert.match(newer.stderr, /version 17, which is not compatible with this version 18/);
      assert.match(
        newer.stderr,
        /run `decnet-fleet dump > fleet\.dump`; move .*\/data\/postgres away, and run/,
      );

      renameSync(join(dataDir, 'postgres'), join(dataDir, 'postgres-of-17'));
      const { code, stderr } = await runHere(['restore', join(directory, 'major.dump')], env);
      assert.equal(code, 0, stderr);
      assert.equal(readFileSync(join(dataDir, 'postgres/data/PG_VERSION'), 'utf8'), '18\n');
      assert.deepEqual(await history(), before);
    } finally {
      if (!existsSync(join(dataDir, 'postgres-of-17'))) await old.close();
      else if (embeddedExists(dataDir)) await (await openEmbedded(dataDir)).close();
    }
  });
});
