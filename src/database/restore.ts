import { codeOf, FleetError } from '../lib/errors.ts';
import type { Database } from './database.ts';
import { columnsOf, type DumpedTable, type DumpHeader, dumpedTables, quoted } from './dump.ts';
import { migrationNames } from './migrations/migrator.ts';
import { type Db, query } from './query.ts';

/** The result of a restore. */
export interface Restored {
  readonly header: DumpHeader;
  readonly tables: readonly DumpedTable[];
}

/** The number of rows in one statement. */
const rowsPerBatch = 1000;

/**
 * Restores a dump into a database without a fleet, either completely or not at all. The database is first migrated to the
 * schema of the dump, and afterwards to the schema of this version.
 * @param source the name of the dump, for messages
 * @throws FleetError DUMP_INVALID, NOT_WRITTEN
 */
export async function restore(
  database: Database,
  lines: AsyncIterable<string>,
  source: string,
): Promise<Restored> {
  const reader = readLines(lines, source);
  try {
    const header = await readHeader(reader);
    await database.migrate({ upTo: header.migration });
    const tables = await database.transaction(async (db) => {
      const audited = await takeAudit(db);
      await claimEmpty(db);
      const restored: DumpedTable[] = [];
      for (const table of header.tables) restored.push(await restoreTable(db, table, reader));
      await reader.end();
      await putAudit(db, audited);
      return restored;
    });
    await database.migrate();
    return { header, tables };
  } finally {
    await reader.close();
  }
}

interface LineReader {
  /** The next line's JSON object and its text. @throws FleetError DUMP_INVALID */
  next(): Promise<{ value: Readonly<Record<string, unknown>>; text: string }>;
  /** Checks that no lines follow. @throws FleetError DUMP_INVALID */
  end(): Promise<void>;
  invalid(what: string): FleetError;
  close(): Promise<void>;
}

function readLines(lines: AsyncIterable<string>, source: string): LineReader {
  const iterator = lines[Symbol.asyncIterator]();
  let line = 0;
  const invalid = (what: string): FleetError =>
    new FleetError('DUMP_INVALID', `${source}, line ${line}: ${what}`, {
      advice: 'Nothing was restored. Use a complete file from `decnet-fleet dump`',
    });
  const read = (): Promise<IteratorResult<string>> => {
    line += 1;
    return iterator.next();
  };
  return {
    invalid,
    next: async () => {
      const result = await read();
      if (result.done === true) throw invalid('the file ends before the end of the dump');
      const value = parsed(result.value);
      if (value === null) throw invalid('this is not a JSON object');
      return { value, text: result.value };
    },
    end: async () => {
      for (;;) {
        const result = await read();
        if (result.done === true) return;
        if (result.value !== '') throw invalid('the dump ends before this line');
      }
    },
    close: async () => void (await iterator.return?.()),
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

async function readHeader(reader: LineReader): Promise<DumpHeader> {
  const header = (await reader.next()).value as Partial<DumpHeader>;
  if (header.decnet_fleet_dump === undefined) throw reader.invalid('this is not a dump of decnet-fleet');
  const { migration, version, tables } = header;
  if (
    header.decnet_fleet_dump !== 1 ||
    !migrationNames.some((name) => name === migration) ||
    !isListOf(tables, dumpedTables)
  )
    throw new FleetError('DUMP_INVALID', `The dump was made by decnet-fleet ${version}, which is newer`, {
      advice: 'Nothing was restored. Install that version or a newer one, and restore the dump with it',
    });
  return header as DumpHeader;
}

/** Whether a value is a list of some of these names. */
const isListOf = (value: unknown, names: readonly string[]): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => names.includes(one));

/** Locks the tables against other writers until the end of the transaction. @throws FleetError NOT_WRITTEN when they have rows */
async function claimEmpty(db: Db): Promise<void> {
  for (const table of dumpedTables) {
    // A dump of an older schema has fewer tables.
    if ((await columnsOf(db, table)).length === 0) continue;
    await query(db, `lock table ${table} in share row exclusive mode`);
    const [found] = await query<{ some: boolean }>(db, `select exists (select from ${table}) as some`);
    if (found?.some === true)
      throw new FleetError('NOT_WRITTEN', `The database already has a fleet: ${table} has rows`, {
        advice:
          'Nothing was restored. Restore into a new database, or remove its hosts with `decnet-fleet forget` first',
      });
  }
}

/** What people did before, such as to remove the fleet that was here. It is no fleet, and is kept beside the restored entries. */
async function takeAudit(db: Db): Promise<readonly string[]> {
  if ((await columnsOf(db, 'fleet_audit')).length === 0) return [];
  const taken = await query<{ row: string }>(
    db,
    `with taken as (delete from fleet_audit returning *) select to_json(taken)::text as row from taken order by id`,
  );
  return taken.map(({ row }) => row);
}

/** With new numbers: the restored entries keep theirs. */
async function putAudit(db: Db, rows: readonly string[]): Promise<void> {
  if (rows.length === 0) return;
  const columns = quoted((await columnsOf(db, 'fleet_audit')).filter((column) => column !== 'id'));
  await query(
    db,
    `insert into fleet_audit (${columns}) select ${columns} from json_populate_recordset(null::fleet_audit, $1::json) order by id`,
    [`[${rows.join(',')}]`],
  );
}

async function restoreTable(db: Db, table: string, reader: LineReader): Promise<DumpedTable> {
  const head = (await reader.next()).value as Partial<DumpedTable>;
  const { columns, rows } = head;
  const known = await columnsOf(db, table);
  if (head.table !== table || !isListOf(columns, known) || columns.length === 0)
    throw reader.invalid(`expected the columns of ${table}`);
  if (!Number.isSafeInteger(rows) || rows === undefined || rows < 0)
    throw reader.invalid('the number of rows is missing');
  for (let done = 0; done < rows; done += rowsPerBatch) {
    const texts: string[] = [];
    for (let at = done; at < Math.min(rows, done + rowsPerBatch); at += 1)
      texts.push((await reader.next()).text);
    await insert(db, table, columns, texts).catch((error: unknown) => {
      throw isOfData(error)
        ? reader.invalid(`the database refuses a row of ${table}: ${error.message}`)
        : error;
    });
  }
  await continueNumbers(db, table);
  return { table, columns, rows };
}

const insert = (
  db: Db,
  table: string,
  columns: readonly string[],
  rows: readonly string[],
): Promise<unknown> =>
  query(
    db,
    `insert into ${table} (${quoted(columns)}) overriding system value
     select ${quoted(columns)} from json_populate_recordset(null::${table}, $1::json)`,
    [`[${rows.join(',')}]`],
  );

/** PostgreSQL's classes 22 (data) and 23 (constraints). */
const isOfData = (error: unknown): error is Error =>
  error instanceof Error && /^2[23]/.test(codeOf(error) ?? '');

/** Sets the sequences, so that new rows are numbered after the restored ones. */
async function continueNumbers(db: Db, table: string): Promise<void> {
  const numbered = await query<{ column: string }>(
    db,
    `select attname as "column" from pg_attribute where attrelid = to_regclass($1) and attidentity <> ''`,
    [`${db.schema}.${table}`],
  );
  for (const { column } of numbered)
    await query(
      db,
      `select setval(pg_get_serial_sequence($1, $2), max(${quoted([column])})) from ${table}
       having max(${quoted([column])}) is not null`,
      [`${db.schema}.${table}`, column],
    );
}
