import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { openDatabase } from '../../src/database/orm.ts';
import { type Db, query } from '../../src/database/query.ts';
import { openTestDatabase } from '../harness/open-database.ts';

describe('a connection that is lost in a transaction', async () => {
  const { db, database } = await openTestDatabase();

  const lose = async (of: Db): Promise<void> => {
    const [own] = await query<{ pid: number }>(of, 'select pg_backend_pid() as pid');
    await db.query('select pg_terminate_backend($1)', [own?.pid]);
  };
  /** More than the number of connections in the pool. */
  const times = 8;

  test('before a statement: the statement fails as with an unreachable database, and the connection is released', async () => {
    for (let time = 0; time < times; time += 1) {
      const lost = database.transaction(async (of) => {
        await lose(of);
        await query(of, 'select 1');
      });
      await assert.rejects(lost, { code: 'DATABASE_UNREACHABLE' });
    }
    assert.deepEqual(await database.query('select 1 as one'), [{ one: 1 }]);
  });

  test('before the commit, which then fails', async () => {
    for (let time = 0; time < times; time += 1) {
      const lost = database.transaction(async (of) => {
        await query(of, `insert into fleet_hosts (host_uuid) values ('lost')`);
        await lose(of);
      });
      await assert.rejects(lost, { code: 'DATABASE_UNREACHABLE' });
    }
    assert.deepEqual(await database.query('select host_uuid from fleet_hosts'), []);
  });

  test('other errors are thrown unchanged', async () => {
    const lost = database.transaction(async (of) => {
      await lose(of);
      throw new RangeError('of the work');
    });
    await assert.rejects(lost, /of the work/);
  });
});

test('a server that accepts connections and does not answer: the error says that it took too long', async () => {
  const silent = createServer();
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port } = silent.address() as AddressInfo;
  const database = await openDatabase(`postgresql://127.0.0.1:${port}/fleet?sslmode=disable`, {
    connectWithinMs: 50,
  });
  await assert.rejects(database.query('select 1'), {
    code: 'DATABASE_UNREACHABLE',
    message: `The database 127.0.0.1:${port}/fleet does not answer: Connection terminated due to connection timeout`,
  });
  await database.close();
  silent.close();
});
