import { type Stats, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { codeOf } from '../lib/errors.ts';
import { tableFault } from './faults.ts';
import { busy, columns, type Part, type Session, type Values, type Written } from './session.ts';
import { isBusy, sqliteFault } from './sqlite-faults.ts';

/**
 * Milliseconds that SQLite itself waits for a lock. Short: while a transaction waits with a lock of its own, DECNET waits for it.
 * A whole attempt is repeated instead.
 */
const lockWaitMs = 3;

/** The size of a write-ahead log after which it is copied into the database: the default of SQLite, which does it within a commit. */
const longestLog = 1000 * 4096;

/** More names than this are found by reading the host. SQLite allows 32,766 parameters in a statement. */
const maxNames = 30_000;

/** The texts as they are read and as they are compared: a column of SQLite can contain a value of any type. */
const text = (table: string, column: string): string => `cast(${table}.${column} as text)`;
const listed = columns.map((column) => text('f', column)).join(', ');
const was = columns.map((column) => `was_${column}`);

/**
 * Whether a row is as it was read. Bytes that are not UTF-8 are read as U+FFFD, so a text with that character says nothing; a
 * row that another program wrote has another `updated_at` at least.
 */
const isSame = columns
  .map(
    (column) =>
      `(${text('f', column)} is c.was_${column} or ifnull(instr(c.was_${column}, char(65533)), 0) > 0)`,
  )
  .join(' and ');

const statements = {
  host: `select ${listed} from main.fleet_deckies f where f.host_uuid = ?`,
  rows: (count: number) =>
    `select ${listed} from main.fleet_deckies f where f.host_uuid = ? and f.name in (${Array(count).fill('?').join(', ')})`,
  // A table of only this connection, in memory: filled before the lock is taken, so that the lock is held briefly.
  changes: `create temp table change (kind text, ${[...columns, ...was].map((one) => `${one} text`).join(', ')})`,
  change: `insert into temp.change values (${Array(1 + 2 * columns.length)
    .fill('?')
    .join(', ')})`,
  delete: `delete from main.fleet_deckies where host_uuid = ?1 and name in (
    select f.name from temp.change c cross join main.fleet_deckies f
    where c.kind = 'delete' and f.host_uuid = ?1 and f.name = c.name and ${isSame}) returning name`,
  update: `update main.fleet_deckies as f set ${columns
    .slice(1)
    .map((column) => `${column} = c.${column}`)
    .join(', ')}
    from temp.change c where c.kind = 'update' and f.host_uuid = ?1 and f.name = c.name and ${isSame} returning name`,
  insert: `insert into main.fleet_deckies (host_uuid, ${columns.join(', ')})
    select ?1, ${columns.join(', ')} from temp.change where kind = 'insert'
    on conflict (host_uuid, name) do nothing returning name`,
};

/**
 * DECNET's table in its SQLite file. The file is opened for each call and closed after it: a connection that stays open would keep
 * the write-ahead log of a file that DECNET, or who restores a backup, replaces.
 */
export function sqliteSession(file: string): Session {
  const attempt = async <T>(work: (db: DatabaseSync) => T): Promise<T> => {
    const until = performance.now() + busy.untilMs;
    for (;;) {
      try {
        return withFile(file, work);
      } catch (error) {
        if (!isBusy(error) || performance.now() > until) throw sqliteFault(error, file);
      }
      await sleep(busy.pauseMs);
    }
  };
  const readHost = (host: string) => attempt((db) => readAll(db, statements.host, [host]));
  return {
    readHost,
    readRows: async (host, names) => {
      if (names.length > maxNames) {
        const wanted = new Set(names);
        return (await readHost(host)).filter(([name]) => wanted.has(name));
      }
      return attempt((db) => readAll(db, statements.rows(names.length), [host, ...names]));
    },
    write: (host, part) => attempt((db) => writePart(db, file, host, part)),
    close: async () => undefined,
  };
}

/** Opens the file for one piece of work. @throws Error of SQLite, FleetError */
function withFile<T>(file: string, work: (db: DatabaseSync) => T): T {
  checkFile(file);
  const url = pathToFileURL(file);
  // Without it, SQLite creates a file that is missing.
  url.searchParams.set('mode', 'rw');
  const db = new DatabaseSync(url, { timeout: lockWaitMs });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/**
 * SQLite's files beside a database belong to who creates them: those of another user could lock DECNET out of its own database.
 * As root, SQLite gives them to the owner of the database.
 */
function checkFile(file: string): void {
  const found = statOf(file);
  if (!found.isFile())
    throw tableFault(file, 'cannot be read: it is not a file', 'Check DECNET_DATABASE_URL');
  const user = process.geteuid?.() ?? 0;
  if (user !== 0 && user !== found.uid) {
    throw tableFault(
      file,
      `belongs to another user (uid ${found.uid}; this is uid ${user})`,
      'Run this process as root or as the owner of the file',
    );
  }
}

function statOf(file: string): Stats {
  try {
    return statSync(file);
  } catch (error) {
    const code = codeOf(error);
    const what = code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist' : `cannot be reached: ${code}`;
    throw tableFault(
      file,
      what,
      'DECNET creates it at its first start: check DECNET_DATABASE_URL, and that this process may reach the file',
      error,
    );
  }
}

function readAll(db: DatabaseSync, sql: string, values: readonly string[]): readonly Values[] {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return statement.all(...values) as unknown as readonly Values[];
}

function writePart(db: DatabaseSync, file: string, host: string, part: Part): Written {
  // These settings hold only for this connection. In a write-ahead log, NORMAL is DECNET's own setting.
  db.exec('pragma temp_store = memory');
  const [mode] = Object.values(db.prepare('pragma main.journal_mode').get() ?? {});
  if (mode === 'wal') db.exec('pragma main.synchronous = normal; pragma main.wal_autocheckpoint = 0');
  fillChanges(db, part);
  db.exec('begin immediate');
  const began = performance.now();
  const names = (['delete', 'update', 'insert'] as const).flatMap((kind) => {
    if (part[`${kind}s`].length === 0) return [];
    return db
      .prepare(statements[kind])
      .all(host)
      .map(({ name }) => String(name));
  });
  db.exec('commit');
  const heldMs = performance.now() - began;
  // Here nothing waits for it.
  if (mode === 'wal' && isLong(`${file}-wal`)) db.exec('pragma main.wal_checkpoint(passive)');
  return { names, heldMs };
}

const isLong = (log: string): boolean => (statSync(log, { throwIfNoEntry: false })?.size ?? 0) > longestLog;

function fillChanges(db: DatabaseSync, { deletes, updates, inserts }: Part): void {
  const none = columns.map(() => null);
  db.exec(statements.changes);
  db.exec('begin');
  const change = db.prepare(statements.change);
  for (const row of deletes) change.run('delete', ...row, ...row);
  for (const { was: before, row } of updates) change.run('update', ...row, ...before);
  for (const row of inserts) change.run('insert', ...row, ...none);
  db.exec('commit');
}
