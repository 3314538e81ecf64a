import { after } from 'node:test';
import type { Database } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/orm.ts';
import { type TestDatabase, testDatabase } from './database.ts';

/** A database of its own, opened as the product opens it. Both are closed after the suite that called this. */
export async function openTestDatabase(): Promise<{
  readonly db: TestDatabase;
  readonly database: Database;
}> {
  const db = await testDatabase();
  const database = await openDatabase(db.url);
  after(async () => {
    await database.close();
    await db.drop();
  });
  return { db, database };
}
