import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDecnetTable } from '../../src/decnet-table/open.ts';
import { FleetError } from '../../src/lib/errors.ts';
import type { DecnetTable } from '../../src/pass/decnet-table.ts';
import { decnetFile, decnetRow, fixture } from '../harness/decnet-table.ts';

const isRoot = process.geteuid?.() === 0;
const nobody = 65_534;

describe("DECNET's SQLite file", () => {
  let file = '';
  let directory = '';
  let table: DecnetTable;
  beforeEach(() => {
    ({ file, directory } = decnetFile());
    table = openDecnetTable(`sqlite://${file}`);
  });
  afterEach(async () => {
    await table.close();
    chmodSync(directory, 0o755);
    rmSync(directory, { recursive: true, force: true });
  });

  const insert = (name: string) =>
    table.write('local', { inserts: [decnetRow(name)], updates: [], deletes: [] });
  const names = async () => (await table.read('local', null)).map(({ name }) => name).sort();
  const fixed = ['db-01', 'file-01', 'iot-01', 'mail-01', 'relay-01', 'web-01', 'web-02', 'win-01'];

  /** Both calls must fail with one line. */
  const bothFail = async (message: RegExp): Promise<void> => {
    for (const call of [() => table.read('local', null), () => insert('new')]) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof FleetError);
        assert.equal(error.code, 'DECNET_TABLE_FAILED');
        assert.match(error.line, message);
        assert.ok(error.message.includes(file) && error.advice !== undefined, error.line);
        return true;
      });
    }
  };

  /** As an ordinary user: root may do everything. The threads of a process have one user. */
  const asNobody = async (work: () => Promise<void>): Promise<void> => {
    // What is imported must be imported before.
    await table.read('local', null);
    if (isRoot) {
      chownSync(directory, nobody, nobody);
      chownSync(file, nobody, nobody);
      process.setegid?.(nobody);
      process.seteuid?.(nobody);
    }
    try {
      await work();
    } finally {
      if (isRoot) {
        process.seteuid?.(0);
        process.setegid?.(0);
      }
    }
  };

  test('is read and written, and neither its settings nor anything else in it change', async () => {
    const dump = () => {
      const db = new DatabaseSync(file);
      const tables = db.prepare('select name, sql from sqlite_schema order by name, sql').all();
      const settings = [
        'journal_mode',
        'user_version',
        'application_id',
        'auto_vacuum',
        'page_size',
        'encoding',
      ].map((one) => db.prepare(`pragma ${one}`).get());
      const others = tables
        .map(({ name }) => String(name))
        .filter(
          (name) => name !== 'fleet_deckies' && /^[a-z_]+$/.test(name) && !/^(ix|uq|sqlite)_/.test(name),
        )
        .map((name) => db.prepare(`select * from "${name}"`).all());
      db.close();
      return JSON.stringify({ tables, settings, others });
    };
    const before = dump();
    assert.deepEqual(await names(), fixed);
    assert.deepEqual(await insert('new'), ['new']);
    assert.equal(dump(), before);
    assert.deepEqual(readdirSync(directory), ['decnet.db']);
  });

  test('that is missing is not created, and is used as soon as it is there', async () => {
    rmSync(file);
    await bothFail(/does not exist/);
    assert.deepEqual(readdirSync(directory), []);
    rmSync(directory, { recursive: true });
    await bothFail(/does not exist/);
    mkdirSync(directory);
    copyFileSync(fixture('decnet.sqlite'), file);
    assert.deepEqual(await names(), fixed);
  });

  test('that is replaced is read and written anew', async () => {
    assert.deepEqual(await insert('old'), ['old']);
    copyFileSync(fixture('decnet.sqlite'), `${file}.new`);
    renameSync(`${file}.new`, file);
    assert.deepEqual(await names(), fixed);
    assert.deepEqual(await insert('new'), ['new']);
    rmSync(file);
    await bothFail(/does not exist/);
    copyFileSync(fixture('decnet.sqlite'), file);
    assert.deepEqual(await names(), fixed);
  });

  test('that is a directory, or another kind of file, is refused', async () => {
    rmSync(file);
    mkdirSync(file);
    await bothFail(/is not a file/);
    rmSync(file, { recursive: true });
    writeFileSync(file, `${'no database '.repeat(1000)}`);
    await bothFail(/is not an SQLite database/);
  });

  test('without the table or one of its columns is refused', async () => {
    truncateSync(file);
    await bothFail(/does not have the schema that DECNET makes: no such table/);
    copyFileSync(fixture('decnet.sqlite'), file);
    const db = new DatabaseSync(file);
    db.exec('alter table fleet_deckies rename column last_seen to seen');
    db.close();
    await bothFail(/does not have the schema that DECNET makes: .*last_seen/);
  });

  test('that is damaged is not written', async () => {
    const db = new DatabaseSync(file);
    const roots = db.prepare("select rootpage from sqlite_schema where tbl_name = 'fleet_deckies'").all();
    db.exec('pragma journal_mode = delete');
    db.close();
    const fd = openSync(file, 'r+');
    for (const { rootpage } of roots)
      writeSync(fd, Buffer.alloc(4096, 0xa5), 0, 4096, (Number(rootpage) - 1) * 4096);
    closeSync(fd);
    await bothFail(/is damaged/);
    // Half a file.
    copyFileSync(fixture('decnet.sqlite'), file);
    truncateSync(file, 4096 * 10);
    await bothFail(/is damaged/);
  });

  test('that is read-only can be read, and writing says what to do', async () => {
    const db = new DatabaseSync(file);
    db.exec('pragma journal_mode = delete');
    db.close();
    await asNobody(async () => {
      chmodSync(file, 0o444);
      assert.deepEqual(await names(), fixed);
      await assert.rejects(() => insert('new'), /cannot be written: the file or its directory is read-only/);
      chmodSync(file, 0o644);
      chmodSync(directory, 0o555);
      assert.deepEqual(await names(), fixed);
      await assert.rejects(() => insert('new'), /cannot be (written|opened)/);
      chmodSync(directory, 0o755);
      assert.deepEqual(await insert('new'), ['new']);
      chmodSync(file, 0);
      await bothFail(/cannot be opened/);
      chmodSync(file, 0o644);
    });
  });

  test('of another user is refused to an ordinary one: files beside it could lock DECNET out', async () => {
    await asNobody(async () => {
      const other = openDecnetTable('sqlite:///etc/passwd');
      await assert.rejects(
        () => other.read('local', null),
        /belongs to another user \(uid 0; this is uid \d+\)/,
      );
      await other.close();
    });
  });

  test('that another program locks is waited for, then given up, and read meanwhile', async () => {
    const db = new DatabaseSync(file);
    db.exec('pragma journal_mode = wal; begin immediate');
    const waits = insert('waits');
    await sleep(300);
    assert.deepEqual(await Promise.race([waits, 'waiting']), 'waiting');
    db.exec('commit');
    assert.deepEqual(await waits, ['waits']);
    db.exec('begin immediate');
    await assert.rejects(() => insert('late'), /is locked by another program/);
    assert.deepEqual(await names(), [...fixed, 'waits'].sort());
    db.exec('commit; pragma journal_mode = delete; begin exclusive');
    await bothFail(/is locked by another program/);
    db.exec('commit');
    assert.deepEqual(await insert('late'), ['late']);
    db.close();
  });

  test('with bytes that are not UTF-8 is read, and such a row can be replaced', async () => {
    const db = new DatabaseSync(file);
    db.exec(
      "update fleet_deckies set last_error = cast(x'61ff62' as text), decky_ip = x'01fe' where name = 'web-01'",
    );
    const [was] = await table.read('local', ['web-01']);
    assert.ok(was !== undefined);
    assert.equal(was.lastError, 'a\ufffdb');
    const update = { was, row: { ...was, lastError: null, deckyIp: '192.0.2.1' } };
    db.exec("update fleet_deckies set updated_at = '2026-11-27 07:00:00' where name = 'web-01'");
    assert.deepEqual(await table.write('local', { inserts: [], updates: [update], deletes: [] }), []);
    db.prepare("update fleet_deckies set updated_at = ? where name = 'web-01'").run(was.updatedAt);
    assert.deepEqual(await table.write('local', { inserts: [], updates: [update], deletes: [] }), ['web-01']);
    assert.deepEqual(await table.read('local', ['web-01']), [update.row]);
    db.close();
  });

  test('has a location in messages', () => {
    assert.equal(table.location, file);
    assert.equal(openDecnetTable('sqlite:////opt/a%20b/decnet.db').location, '/opt/a b/decnet.db');
    assert.ok(statSync(file).isFile());
  });
});
