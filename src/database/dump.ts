import type { Database } from './database.ts';
import { type Db, query } from './query.ts';

/**
 * The tables of a dump, in the order of the restore. Grants are not included, since they refer to the roles of one server.
 * Locks and the record of migrations are not included either.
 */
export const dumpedTables = [
  'fleet_hosts',
  'fleet_deckies',
  'fleet_transitions',
  'fleet_gaps',
  'fleet_alarms',
  'fleet_notifications',
  'fleet_incidents',
  'fleet_silences',
  'fleet_audit',
] as const;

/** The first line of a dump. */
export interface DumpHeader {
  /** The version of the format. */
  readonly decnet_fleet_dump: 1;
  readonly at: string;
  /** The version of decnet-fleet. */
  readonly version: string;
  readonly postgres: string;
  /** The last migration that ran. */
  readonly migration: string;
  readonly tables: readonly string[];
}

/** The line before the rows of a table. Each row is a line with a JSON object. */
export interface DumpedTable {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: number;
}

/** The number of rows in one fetch. */
const rowsPerBatch = 1000;

/**
 * Writes the fleet and its history as lines of JSON, from one snapshot. PostgreSQL itself converts each value to text and back,
 * so that no value is rounded, for any versions of the two servers.
 * @param write writes one line; the text has no line break
 * @throws FleetError SCHEMA_MISSING
 */
export async function dump(
  database: Database,
  version: string,
  write: (line: string) => Promise<void>,
): Promise<readonly DumpedTable[]> {
  return database.transaction(
    async (db) => {
      const [server] = await query<Pick<DumpHeader, 'at' | 'postgres' | 'migration'>>(
        db,
        `select to_json(now()) #>> '{}' as at, current_setting('server_version') as postgres,
           (select name from fleet_migrations order by id desc limit 1) as migration`,
      );
      await write(JSON.stringify({ decnet_fleet_dump: 1, version, ...server, tables: dumpedTables }));
      const written: DumpedTable[] = [];
      for (const table of dumpedTables) written.push(await dumpTable(db, table, write));
      return written;
    },
    { readOnly: true, snapshot: true },
  );
}

async function dumpTable(
  db: Db,
  table: string,
  write: (line: string) => Promise<void>,
): Promise<DumpedTable> {
  const columns = await columnsOf(db, table);
  const [counted] = await query<{ rows: number }>(db, `select count(*)::int as rows from ${table}`);
  const head: DumpedTable = { table, columns, rows: counted?.rows ?? 0 };
  await write(JSON.stringify(head));
  await query(
    db,
    `declare dumped no scroll cursor for
       select row_to_json(t)::text as line from (select ${quoted(columns)} from ${table} order by ctid) t`,
  );
  for (;;) {
    const rows = await query<{ line: string }>(db, `fetch ${rowsPerBatch} from dumped`);
    if (rows.length === 0) break;
    for (const { line } of rows) await write(line);
  }
  await query(db, 'close dumped');
  return head;
}

/** The columns of a table, without generated ones. */
export async function columnsOf(db: Db, table: string): Promise<readonly string[]> {
  const columns = await query<{ name: string }>(
    db,
    `select attname as name from pg_attribute
     where attrelid = to_regclass($1) and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`,
    [`${db.schema}.${table}`],
  );
  return columns.map(({ name }) => name);
}

export const quoted = (columns: readonly string[]): string =>
  columns.map((name) => `"${name.replaceAll('"', '""')}"`).join(', ');
