import pg from 'pg';

let count = 0;

/** A separate database on the tests' server. */
export interface TestDatabase {
  readonly url: string;
  query<R extends pg.QueryResultRow>(statement: string, values?: readonly unknown[]): Promise<readonly R[]>;
  drop(): Promise<void>;
}

/** @see services.ts, which sets it */
const shared = (name: 'TEST_DATABASE_URL' | 'TEST_TEMPLATE'): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run the tests with \`npm test\``);
  return value;
};
const serverUrl = (): string => shared('TEST_DATABASE_URL');

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** @param options.migrated as `migrate` leaves it, with the tables of this version and of the queues */
export async function testDatabase(
  options: { migrated: boolean } = { migrated: true },
): Promise<TestDatabase> {
  count += 1;
  const name = `test_${process.pid}_${count}`;
  // Else it is a copy of the template that has no tables.
  const template = options.migrated ? ` template ${shared('TEST_TEMPLATE')}` : '';
  await onServer(`create database ${name}${template}`);
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 3, allowExitOnIdle: true });
  pool.on('error', () => undefined);
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
