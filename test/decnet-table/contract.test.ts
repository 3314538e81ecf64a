import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { openDecnetTable } from '../../src/decnet-table/open.ts';
import type { DecnetChanges, DecnetRow, DecnetTable } from '../../src/pass/decnet-table.ts';
import {
  changed,
  type DecnetDatabase,
  decnetRow,
  type Standing,
  sqliteDecnet,
} from '../harness/decnet-table.ts';
import { mariadbDecnet, noMariadb } from '../harness/mariadb.ts';

const kinds: Readonly<
  Record<string, { readonly make: () => Promise<DecnetDatabase>; readonly skip?: false | string }>
> = {
  'SQLite with a write-ahead log': { make: () => sqliteDecnet('wal') },
  'SQLite with a rollback journal': { make: () => sqliteDecnet('delete') },
  MariaDB: { make: () => mariadbDecnet(), skip: noMariadb },
};

const none: DecnetChanges = { inserts: [], updates: [], deletes: [] };
const byName = (one: { readonly name: string }, other: { readonly name: string }): number =>
  one.name < other.name ? -1 : 1;

for (const [kind, { make, skip = false }] of Object.entries(kinds)) {
  describe(`DECNET's table in ${kind}`, { skip }, () => {
    let database: DecnetDatabase;
    let table: DecnetTable;
    before(async () => {
      database = await make();
      // Not the limit of a pass: on a busy machine 3,000 rows take longer.
      table = openDecnetTable(database.url, { answerWithinMs: 60_000 });
    });
    after(async () => {
      await table.close();
      await database.remove();
    });
    beforeEach(() => database.clear());

    /** Writes as the product does: again with the rest, until nothing is left to write. */
    const writeAll = async (changes: DecnetChanges, host = 'local'): Promise<readonly string[]> => {
      const written = new Set<string>();
      const isLeft = ({ name }: DecnetRow): boolean => !written.has(name);
      for (;;) {
        const names = await table.write(host, {
          inserts: changes.inserts.filter(isLeft),
          updates: changes.updates.filter(({ was }) => isLeft(was)),
          deletes: changes.deletes.filter(isLeft),
        });
        for (const name of names) written.add(name);
        if (names.length === 0) return [...written].sort();
      }
    };
    const insert = (...rows: readonly DecnetRow[]) => writeAll({ ...none, inserts: rows });
    const read = async (host = 'local') => [...(await table.read(host, null))].sort(byName);
    const named = async (name: string): Promise<DecnetRow> => {
      const [row] = await table.read('local', [name]);
      return row ?? assert.fail(`no row ${name}`);
    };
    const standing = async (name: string, host = 'local'): Promise<Standing | undefined> =>
      (await database.rows()).find((row) => row.host_uuid === host && row.name === name);

    test('a row that is inserted is read as it was written', async () => {
      const row = decnetRow('web', { lastSeen: '2026-11-27 05:00:01', lastError: 'http: exited, code 1' });
      assert.deepEqual(await insert(row), ['web']);
      assert.deepEqual(await read(), [row]);
      assert.deepEqual(await standing('web'), {
        host_uuid: 'local',
        name: 'web',
        services: row.services,
        decky_config: row.deckyConfig,
        decky_ip: '192.0.2.11',
        state: 'running',
        last_error: 'http: exited, code 1',
        compose_hash: null,
        last_seen: '2026-11-27 05:00:01',
        updated_at: '2026-11-27 05:13:02',
      });
    });

    test('null in every column that may be null is written, read, compared and replaced', async () => {
      const empty = decnetRow('web', { deckyConfig: null, deckyIp: null, lastError: null, lastSeen: null });
      await insert(empty);
      assert.deepEqual(await named('web'), empty);
      const full = changed(empty, {
        deckyConfig: '{}',
        deckyIp: '192.0.2.1',
        lastError: 'x',
        lastSeen: '2026-11-27 05:00:01',
      });
      assert.deepEqual(await writeAll({ ...none, updates: [{ was: empty, row: full }] }), ['web']);
      assert.deepEqual(await named('web'), full);
      const again = changed(empty, { updatedAt: '2026-11-27 07:00:00' });
      assert.deepEqual(await writeAll({ ...none, updates: [{ was: full, row: again }] }), ['web']);
      assert.deepEqual(await named('web'), again);
      assert.deepEqual(await writeAll({ ...none, deletes: [again] }), ['web']);
      assert.deepEqual(await read(), []);
    });

    test('only some rows can be read, with names that do not exist', async () => {
      await insert(decnetRow('a'), decnetRow('b'), decnetRow('c'));
      const rows = await table.read('local', ['c', 'nobody', 'a', 'a']);
      assert.deepEqual(rows.map(({ name }) => name).sort(), ['a', 'c']);
      assert.deepEqual(await table.read('local', []), []);
      assert.deepEqual(await table.read('other', ['a']), []);
    });

    test('inserts, updates and deletes are written together', async () => {
      const [gone, stays, changes] = [decnetRow('gone'), decnetRow('stays'), decnetRow('changes')];
      await insert(gone, stays, changes);
      const next = changed(changes, { state: 'failed', services: '["ssh"]' });
      const made = decnetRow('made');
      const written = await writeAll({
        inserts: [made],
        updates: [{ was: changes, row: next }],
        deletes: [gone],
      });
      assert.deepEqual(written, ['changes', 'gone', 'made']);
      assert.deepEqual(await read(), [next, made, stays]);
    });

    for (const column of [
      'services',
      'decky_config',
      'decky_ip',
      'state',
      'last_error',
      'last_seen',
      'updated_at',
    ]) {
      test(`a row of which another program changed ${column} is neither updated nor deleted`, async () => {
        const [web, mail] = [decnetRow('web'), decnetRow('mail')];
        await insert(web, mail);
        const other = /_seen|_at/.test(column) ? '2026-11-27 05:13:03' : `${web.services} `;
        await database.run(`update fleet_deckies set ${column} = ? where name = 'web'`, other);
        const before = await standing('web');
        const row = changed(web, { state: 'torn_down' });
        assert.deepEqual(await writeAll({ ...none, updates: [{ was: web, row }] }), []);
        assert.deepEqual(await writeAll({ ...none, deletes: [web, mail] }), ['mail']);
        assert.deepEqual(await standing('web'), before);
      });
    }

    test('upper and lower case, and spaces at the end, are differences', async () => {
      const web = decnetRow('web', { lastError: 'Exited' });
      await insert(web);
      for (const value of ['exited', 'Exited ', 'éxited']) {
        await database.run('update fleet_deckies set last_error = ?', value);
        assert.deepEqual(
          await writeAll({ ...none, updates: [{ was: web, row: changed(web, { lastError: null }) }] }),
          [],
          value,
        );
        assert.equal((await named('web')).lastError, value);
      }
      assert.deepEqual(await table.read('local', ['WEB', 'web ', 'wéb']), []);
      assert.deepEqual(await table.read('LOCAL', null), []);
      assert.deepEqual(await writeAll({ ...none, deletes: [await named('web')] }, 'LOCAL'), []);
      assert.equal((await read()).length, 1);
    });

    test('a row that another program inserted first is left as it is', async () => {
      await insert(decnetRow('web', { state: 'pending' }));
      const before = await database.rows();
      assert.deepEqual(await insert(decnetRow('web'), decnetRow('mail')), ['mail']);
      assert.deepEqual(await standing('web'), before[0]);
    });

    test('a row that another program deleted is not made again', async () => {
      const web = decnetRow('web');
      await insert(web);
      await database.run('delete from fleet_deckies');
      assert.deepEqual(
        await writeAll({ ...none, updates: [{ was: web, row: changed(web, { state: 'failed' }) }] }),
        [],
      );
      assert.deepEqual(await writeAll({ ...none, deletes: [web] }), []);
      assert.deepEqual(await database.rows(), []);
    });

    test('rows of other hosts are neither read nor changed, and compose_hash is left alone', async () => {
      const web = decnetRow('web');
      await insert(web);
      await writeAll({ ...none, inserts: [web] }, 'agent-1');
      await database.run("update fleet_deckies set compose_hash = 'abc'");
      const other = await standing('web', 'agent-1');
      const row = changed(web, { state: 'failed' });
      assert.deepEqual(await writeAll({ ...none, updates: [{ was: web, row }] }), ['web']);
      assert.equal((await standing('web'))?.compose_hash, 'abc');
      assert.deepEqual(await read('agent-1'), [web]);
      assert.deepEqual(await writeAll({ ...none, deletes: [row] }), ['web']);
      assert.deepEqual(await database.rows(), [other]);
    });

    const hostile: Readonly<Record<string, string>> = {
      quotes: `' " \` \\ \\' -- ; /* */ ? :a $1 %s {0}`,
      NUL: 'before\0after\0',
      'control characters': '\u0001\b\t\n\r\u001a\u001b[31m\u007f',
      emoji: '🦑👩‍👩‍👧‍👦 ﷽',
      'combining marks': 'é é',
      'a replacement character': 'a\ufffdb',
      'non-characters': '\uffff\ufffe\u{10ffff}',
      'a number': '12e3',
      'an empty text': '',
      'a long text': `${'é🦑'.repeat(8000)}.`,
    };
    for (const [what, text] of Object.entries(hostile)) {
      test(`${what} in a text is written, read, compared and replaced`, async () => {
        const row = decnetRow('web', {
          lastError: text,
          deckyConfig: text.repeat(3),
          services: text,
          deckyIp: [...text].slice(0, 200).join(''),
          state: [...text].slice(0, 200).join(''),
        });
        assert.deepEqual(await insert(row), ['web']);
        assert.deepEqual(await named('web'), row);
        const next = changed(row, { lastError: null, deckyIp: null, services: '[]' });
        assert.deepEqual(await writeAll({ ...none, updates: [{ was: row, row: next }] }), ['web']);
        assert.deepEqual(await read(), [next]);
        assert.deepEqual(await writeAll({ ...none, deletes: [next] }), ['web']);
      });
    }

    test('half of a surrogate pair is written as a replacement character', async () => {
      await insert(decnetRow('web', { lastError: 'a\ud83e' }));
      assert.equal((await named('web')).lastError, 'a\ufffd');
    });

    test('hostile names are names', async () => {
      const rows = ["o'hara", 'a"b', 'a\\', '🦑', "'; drop table fleet_deckies; --"].map((name) =>
        decnetRow(name),
      );
      await insert(...rows);
      assert.deepEqual(await read(), [...rows].sort(byName));
      for (const row of rows) assert.deepEqual(await table.read('local', [row.name]), [row]);
      assert.equal((await writeAll({ ...none, deletes: rows })).length, rows.length);
      assert.deepEqual(await read(), []);
    });

    test('rows that did not change are the same objects in the next reading', async () => {
      await insert(decnetRow('a'), decnetRow('b'), decnetRow('c'));
      const first = await table.read('local', null);
      assert.equal(await table.read('local', null), first);
      await database.run("update fleet_deckies set state = 'failed' where name = 'b'");
      await database.run("delete from fleet_deckies where name = 'c'");
      await insert(decnetRow('d'));
      const second = await read();
      assert.deepEqual(second, [decnetRow('a'), decnetRow('b', { state: 'failed' }), decnetRow('d')]);
      assert.equal(
        second[0],
        first.find(({ name }) => name === 'a'),
      );
      // Another host in between.
      assert.deepEqual(await table.read('nobody', null), []);
      assert.deepEqual(await read(), second);
    });

    test('3,000 rows are inserted, read, updated and deleted, in part where they are many', async () => {
      const rows = Array.from({ length: 3000 }, (_, at) =>
        decnetRow(`decky-${String(at).padStart(5, '0')}`, { deckyConfig: JSON.stringify('x'.repeat(1000)) }),
      );
      assert.equal((await writeAll({ ...none, inserts: rows })).length, 3000);
      assert.deepEqual(await read(), rows);
      // Those of the first half are another program's by now, more than one transaction changes.
      await database.run("update fleet_deckies set state = 'pending' where name < 'decky-01500'");
      const updates = rows.map((was) => ({ was, row: changed(was, { state: 'failed' }) }));
      assert.equal((await writeAll({ ...none, updates })).length, 1500);
      const next = await read();
      assert.deepEqual(
        next.map(({ state }) => state),
        rows.map((_, at) => (at < 1500 ? 'pending' : 'failed')),
      );
      const gone = next.slice(1000, 2000);
      assert.equal((await writeAll({ ...none, deletes: gone })).length, 1000);
      assert.equal((await database.rows()).length, 2000);
    });

    test('calls at the same time are answered one after the other', async () => {
      const answers = await Promise.all([
        insert(decnetRow('a')),
        table.read('local', null),
        insert(decnetRow('b')),
        table.read('local', ['a', 'b']),
      ]);
      assert.deepEqual([answers[0], answers[2]], [['a'], ['b']]);
      assert.equal((await read()).length, 2);
    });

    test('a table that was closed opens again', async () => {
      await insert(decnetRow('a'));
      await table.close();
      assert.deepEqual(await read(), [decnetRow('a')]);
    });
  });
}
