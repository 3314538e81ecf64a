import pg from 'pg';
import type { Database } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/orm.ts';

let count = 0;

/** A database of its own on the tests' server. */
export interface TestDatabase {
  readonly url: string;
  query<R extends pg.QueryResultRow>(statement: string, values?: readonly unknown[]): Promise<readonly R[]>;
  drop(): Promise<void>;
}

const serverUrl = (): string => {
  const url = process.env.TEST_DATABASE_URL;
  if (url === undefined) throw new Error('TEST_DATABASE_URL is not set: run the tests with `npm test`');
  return url;
};

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** @param options.migrated with this version's tables */
export async function testDatabase(
  options: { migrated: boolean } = { migrated: true },
): Promise<TestDatabase> {
  count += 1;
  const name = `test_${process.pid}_${count}`;
  await onServer(`create database ${name}`);
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 3, allowExitOnIdle: true });
  pool.on('error', () => undefined);
  if (options.migrated) {
    const database: Database = await openDatabase(url.href);
    await database.migrate();
    await database.close();
  }
  return {
    url: url.href,
    query: async <R extends pg.QueryResultRow>(statement: string, values: readonly unknown[] = []) =>
      (await pool.query<R>(statement, [...values])).rows,
    drop: async () => {
      await pool.end();
      await onServer(`drop database ${name} with (force)`);
    },
  };
}
