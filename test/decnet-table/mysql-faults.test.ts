import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { openDecnetTable } from '../../src/decnet-table/open.ts';
import { FleetError } from '../../src/lib/errors.ts';
import type { DecnetTable } from '../../src/pass/decnet-table.ts';
import { changed, decnetRow } from '../harness/decnet-table.ts';
import { mariadbDecnet, noMariadb } from '../harness/mariadb.ts';
import { waitFor } from '../harness/wait.ts';

describe("DECNET's table in MariaDB", { skip: noMariadb }, () => {
  let database: Awaited<ReturnType<typeof mariadbDecnet>>;
  let table: DecnetTable;
  before(async () => {
    // Settings that are not the usual ones, and must not matter.
    database = await mariadbDecnet({
      charset: 'character set utf8mb4 collate utf8mb4_unicode_ci',
      settings: ['--default-time-zone=+05:30', '--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'],
    });
    table = openDecnetTable(database.url);
  });
  after(async () => {
    await table.close();
    await database.remove();
  });
  beforeEach(() => database.clear());

  const insert = (...names: readonly string[]) =>
    table.write('local', { inserts: names.map((name) => decnetRow(name)), updates: [], deletes: [] });
  const names = async () => (await table.read('local', null)).map(({ name }) => name).sort();
  const fails = (on: DecnetTable, message: RegExp) =>
    assert.rejects(
      () => on.read('local', null),
      (error) => {
        assert.ok(error instanceof FleetError);
        assert.equal(error.code, 'DECNET_TABLE_FAILED');
        assert.match(error.line, message);
        assert.doesNotMatch(error.line, /p@ss|p%40ss|w\?rd|wrong-secret/);
        return true;
      },
    );
  const failsAt = async (url: string, message: RegExp): Promise<void> => {
    const other = openDecnetTable(url);
    await fails(other, message);
    await other.close();
  };

  test('an outage is one error, and afterwards it is used again', async () => {
    assert.deepEqual(await insert('before'), ['before']);
    await database.server.stop();
    await fails(table, /127\.0\.0\.1:\d+\/decnet cannot be reached: .*ECONNREFUSED/);
    await assert.rejects(() => insert('while'), /cannot be reached/);
    await database.server.start();
    assert.deepEqual(await names(), ['before']);
    assert.deepEqual(await insert('after'), ['after']);
  });

  test('a connection that the server ended is opened again without an error', async () => {
    await names();
    await database.server.stop();
    await database.server.start();
    assert.deepEqual(await insert('first'), ['first']);
    const ids = await database.server.connect();
    const [found] = await ids.query(
      'select id from information_schema.processlist where id <> connection_id()',
    );
    for (const { id } of found as { id: number }[]) await ids.query(`kill ${id}`).catch(() => undefined);
    ids.destroy();
    assert.deepEqual(await names(), ['first']);
  });

  test('a server that hangs is given up within the limit, and used again when it answers', async () => {
    await insert('before');
    database.server.hang();
    try {
      const began = performance.now();
      await fails(table, /does not answer|cannot be reached/);
      await assert.rejects(() => insert('while'), /does not answer|cannot be reached/);
      assert.ok(performance.now() - began < 2 * 5000 * 5, 'it waited for the server');
    } finally {
      database.server.resume();
    }
    await waitFor(async () => (await names()).includes('before'));
    assert.deepEqual(await insert('after'), ['after']);
  });

  test('a wrong password, user, database or table says what to do, without the password', async () => {
    const url = new URL(database.url);
    url.password = 'wrong-secret';
    await failsAt(url.href, /the server refuses the login .*Check the user and the password/);
    await failsAt(database.url.replace(/\/decnet$/, '/nothing'), /there is no such database/);
    await failsAt(database.url.replace(/\/decnet$/, '/mysql'), /does not have the schema that DECNET makes/);
    await failsAt(`${database.url}?tls=true&ca=/nowhere.pem`, /the file of ca cannot be read: ENOENT/);
    await failsAt(`${database.url}?tls=true`, /cannot be reached/);
  });

  test('a Unix socket, and a user with the fewest rights, are enough', async () => {
    for (const sql of [
      "create or replace user small@localhost identified by 'small'",
      'grant select, insert, update, delete on decnet.fleet_deckies to small@localhost',
    ])
      await database.run(sql);
    const url = `mariadb://small:small@localhost/decnet?socket=${encodeURIComponent(database.server.socket)}`;
    const small = openDecnetTable(url);
    assert.equal(small.location, `${database.server.socket}/decnet`);
    const row = decnetRow('web');
    assert.deepEqual(await small.write('local', { inserts: [row], updates: [], deletes: [] }), ['web']);
    assert.deepEqual(await small.write('local', { inserts: [], updates: [], deletes: [row] }), ['web']);
    await database.run('revoke delete on decnet.fleet_deckies from small@localhost');
    await small.write('local', { inserts: [row], updates: [], deletes: [] });
    await assert.rejects(
      () => small.write('local', { inserts: [], updates: [], deletes: [row] }),
      /refuses the user .*DELETE command denied/,
    );
    assert.deepEqual(await names(), ['web']);
    await small.close();
  });

  test('a row that DECNET is writing is skipped, and neither waits for the other', async (t) => {
    await insert('a', 'b', 'c');
    const rows = await table.read('local', null);
    const other = await database.server.connect();
    t.after(() => other.destroy());
    await other.query('start transaction');
    await other.query(
      "update fleet_deckies set state = 'pending', updated_at = '2026-11-27 07:00:00' where host_uuid = 'local' and name = 'b'",
    );
    const updates = rows.map((was) => ({ was, row: changed(was, { state: 'failed' }) }));
    const written = await table.write('local', { inserts: [], updates, deletes: [] });
    assert.deepEqual([...written].sort(), ['a', 'c']);
    // Nothing of ours is locked: it would end this transaction.
    await other.query("update fleet_deckies set compose_hash = 'x' where host_uuid = 'local' and name = 'a'");
    await other.query('commit');
    assert.deepEqual((await table.read('local', null)).map(({ name, state }) => `${name} ${state}`).sort(), [
      'a failed',
      'b pending',
      'c failed',
    ]);
    await other.query('start transaction');
    await other.query(
      "insert into fleet_deckies (host_uuid, name, services, state, updated_at) values ('local', 'd', '[]', 'running', now())",
    );
    await assert.rejects(() => insert('d'), /is locked by another program/);
    await other.query('rollback');
    assert.deepEqual(await insert('d'), ['d']);
  });

  test('a table that cannot store a character is not written, and says so', async () => {
    await database.run('alter table fleet_deckies convert to character set latin1');
    const row = decnetRow('web', { lastError: 'é' });
    assert.deepEqual(await table.write('local', { inserts: [row], updates: [], deletes: [] }), ['web']);
    assert.deepEqual(await table.read('local', null), [row]);
    const update = { was: row, row: changed(row, { lastError: '🦑' }) };
    await assert.rejects(
      () => table.write('local', { inserts: [decnetRow('mail')], updates: [update], deletes: [] }),
      /refuses a value .*last_error/,
    );
    assert.deepEqual(await table.read('local', null), [row]);
    assert.deepEqual(await table.write('local', { inserts: [], updates: [], deletes: [row] }), ['web']);
    await database.run(
      'alter table fleet_deckies convert to character set utf8mb4 collate utf8mb4_unicode_ci',
    );
  });

  test('names that its collation calls equal are different names', async () => {
    await insert('web');
    assert.deepEqual(await insert('WEB'), []);
    assert.deepEqual(await table.read('local', ['WEB']), []);
    const other = { ...decnetRow('WEB') };
    assert.deepEqual(
      await table.write('local', { inserts: [], updates: [{ was: other, row: other }], deletes: [other] }),
      [],
    );
    assert.deepEqual(await names(), ['web']);
  });

  test('times are cut to whole seconds', async () => {
    const row = decnetRow('web', {
      lastSeen: '2026-11-27 23:59:59.999999',
      updatedAt: '2026-12-31 23:59:59.500000',
    });
    assert.deepEqual(await table.write('local', { inserts: [row], updates: [], deletes: [] }), ['web']);
    const [found] = await table.read('local', null);
    assert.deepEqual([found?.lastSeen, found?.updatedAt], ['2026-11-27 23:59:59', '2026-12-31 23:59:59']);
  });
});
