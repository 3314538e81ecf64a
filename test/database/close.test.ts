import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../../src/database/orm.ts';
import { type TestDatabase, testDatabase } from '../harness/database.ts';

describe('the database is closed', () => {
  let db: TestDatabase;
  before(async () => {
    db = await testDatabase();
  });
  after(() => db.drop());

  test('at any moment, after running statements have ended', async () => {
    for (let afterMs = 0; afterMs <= 20; afterMs += 2) {
      const database = await openDatabase(db.url);
      await database.query('select 1');
      // Each statement needs a connection, and acquires it while the database is being closed.
      const asked = Promise.allSettled([1, 2, 3].map((n) => database.query('select $1::int as n', [n])));
      await sleep(afterMs);
      const closed = database.close().then(() => 'closed');
      assert.equal(await Promise.race([closed, sleep(20_000, 'not closed', { ref: false })]), 'closed');
      assert.deepEqual(
        (await asked).map((answer) => answer.status === 'fulfilled' && answer.value),
        [[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]],
      );
    }
  });
});
