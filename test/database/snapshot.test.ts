import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openTestDatabase } from '../harness/open-database.ts';

describe('a snapshot of the database', async () => {
  const { db, database } = await openTestDatabase();

  const hosts = 'select host_uuid from fleet_hosts order by 1';

  test('reads one moment, whatever is committed in the meantime', async () => {
    const found = await database.snapshot(async (query) => {
      const first = await query(hosts);
      await db.query(`insert into fleet_hosts (host_uuid) values ('meanwhile')`);
      return [first, await query(hosts)];
    });
    assert.deepEqual(found, [[], []]);
    assert.deepEqual(await database.query(hosts), [{ host_uuid: 'meanwhile' }]);
  });

  test('writes nothing', async () => {
    await assert.rejects(
      database.snapshot((query) => query(`insert into fleet_hosts (host_uuid) values ('written')`)),
      /read-only transaction/,
    );
  });

  test('with a failing statement leaves the connection usable', async () => {
    await assert.rejects(database.snapshot((query) => query('select 1 / 0')));
    assert.deepEqual(await database.query('select 1 as one'), [{ one: 1 }]);
  });
});
