import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, ConnectionOptions } from 'mysql2/promise';
import { reasonOf } from '../lib/errors.ts';
import type { DecnetAddress, MysqlAddress } from './address.ts';
import { tableFault } from './faults.ts';
import { isBusy, isLost, mysqlFault } from './mysql-faults.ts';
import { busy, columns, equalValues, type Part, type Session, type Values, type Written } from './session.ts';

/** Milliseconds. A connection that is late is given up: the server may hang. */
const connectWithinMs = 2000;
const answerWithinMs = 3000;

/** Names are compared as the column's collation does, so that the key's index serves; then their bytes by who asks. */
const ofHost = 'host_uuid = ? and cast(host_uuid as binary) = cast(? as binary)';
const select = `select ${columns.join(', ')} from fleet_deckies where ${ofHost}`;
const insert = `insert into fleet_deckies (host_uuid, ${columns.join(', ')}) values ?`;
const statements = {
  host: select,
  rows: `${select} and name in (?)`,
  /** A row that DECNET is writing now is left to it: waiting for it with locks of our own could end DECNET's transaction. */
  lock: `${select} and name in (?) for update skip locked`,
  insert: `${insert} on duplicate key update host_uuid = fleet_deckies.host_uuid`,
  /** Of rows that are locked: it inserts none. */
  update: `${insert} on duplicate key update ${columns
    .slice(1)
    .map((column) => `${column} = values(${column})`)
    .join(', ')}`,
  delete: `delete from fleet_deckies where ${ofHost} and name in (?)`,
} as const;

/** Settings of each connection: what is written must not depend on those of the server. */
const settings = [
  "set session time_zone = '+00:00'",
  "set session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
  'set session transaction isolation level read committed',
  'set session lock_wait_timeout = 1',
  'set session innodb_lock_wait_timeout = 1',
];
/**
 * Not to wait for a lock at all is known to MariaDB only; MySQL waits 1 s. Not as a setting of the connection: then MariaDB fails
 * to commit after a locked row was skipped.
 */
const withoutWait = 'set statement innodb_lock_wait_timeout = 0 for ';

/** The times as a DATETIME without a fraction stores them: it would round them up. */
const inSeconds = ([name, services, config, ip, state, error, seen, updated]: Values): Values => [
  ...([name, services, config, ip, state, error] as const),
  seen === null ? null : seen.replace(/\.\d+$/, ''),
  updated.replace(/\.\d+$/, ''),
];

interface Connected {
  readonly connection: Connection;
  readonly isMariadb: boolean;
}

type Query = (sql: string, values?: readonly unknown[]) => Promise<unknown>;

/** DECNET's table on a server of MySQL or MariaDB. One connection, opened again after a fault. */
export function mysqlSession(address: Extract<DecnetAddress, { kind: 'mysql' }>): Session {
  let open: Connected | null = null;

  const drop = (): void => {
    open?.connection.destroy();
    open = null;
  };
  const query: Query = async (sql, values = []) => {
    open ??= await connect(address, drop);
    const text = sql === statements.insert && open.isMariadb ? withoutWait + sql : sql;
    return (await open.connection.query({ sql: text, values: [...values], timeout: answerWithinMs }))[0];
  };

  /** Repeats the work while another program holds a lock, and once if the connection was lost since the last call. */
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    const until = performance.now() + busy.untilMs;
    let wasOpen = open !== null;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        // It ends a transaction, too.
        if (!isBusy(error)) drop();
        const again = isBusy(error) ? performance.now() < until : wasOpen && isLost(error);
        if (!again) throw mysqlFault(error, address.location);
        wasOpen = false;
      }
      await sleep(busy.pauseMs);
    }
  };
  const rows = async (sql: string, values: readonly unknown[]): Promise<readonly Values[]> =>
    (await query(sql, values)) as readonly Values[];
  const locked = (host: string, names: readonly string[]): Promise<readonly Values[]> =>
    rows(statements.lock, [host, host, names]);
  const transaction = async (host: string, part: Part): Promise<Written> => {
    await query('start transaction');
    const began = performance.now();
    try {
      const names = await writePart({ query, locked }, host, part);
      await query('commit');
      return { names, heldMs: performance.now() - began };
    } catch (error) {
      if (isBusy(error)) await query('rollback');
      throw error;
    }
  };
  return {
    readHost: (host) => attempt(() => rows(statements.host, [host, host])),
    readRows: async (host, names) => {
      const wanted = new Set(names);
      const found = await attempt(() => rows(statements.rows, [host, host, names]));
      return found.filter(([name]) => wanted.has(name));
    },
    write: (host, part) => attempt(() => transaction(host, part)),
    close: async () => drop(),
  };
}

/**
 * Inserts first: it is the one statement that can wait for another program, and nothing is locked yet. Then the rows are read
 * and locked, and those that are as they were read are changed.
 */
async function writePart(
  on: {
    query: Query;
    locked: (host: string, names: readonly string[]) => Promise<readonly Values[]>;
  },
  host: string,
  part: Part,
): Promise<readonly string[]> {
  const inserts = part.inserts.map(inSeconds);
  const withHost = (list: readonly Values[]) => [list.map((row) => [host, ...row])];
  if (inserts.length > 0) await on.query(statements.insert, withHost(inserts));
  const wanted = [...part.deletes, ...part.updates.map(({ was }) => was), ...inserts];
  const found = new Map(
    (
      await on.locked(
        host,
        wanted.map(([name]) => name),
      )
    ).map((row) => [row[0], row]),
  );
  const stands = (row: Values): boolean => {
    const standing = found.get(row[0]);
    return standing !== undefined && equalValues(standing, row);
  };
  const updates = part.updates.filter(({ was }) => stands(was));
  const deletes = part.deletes.filter(stands);
  if (updates.length > 0)
    await on.query(statements.update, withHost(updates.map(({ row }) => inSeconds(row))));
  const gone = deletes.map(([name]) => name);
  if (gone.length > 0) await on.query(statements.delete, [host, host, gone]);
  return [...gone, ...updates.map(({ was }) => was[0]), ...inserts.filter(stands).map(([name]) => name)];
}

async function connect(address: MysqlAddress & { location: string }, lost: () => void): Promise<Connected> {
  // Loaded only by who uses it.
  const { createConnection } = await import('mysql2/promise');
  const connection = await createConnection(optionsOf(address));
  connection.on('error', lost);
  try {
    for (const sql of settings) await connection.query({ sql, timeout: answerWithinMs });
    const [version] = await connection.query({ sql: 'select version()', timeout: answerWithinMs });
    return { connection, isMariadb: /mariadb/i.test(JSON.stringify(version)) };
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

function optionsOf({
  host,
  port,
  socket,
  user,
  password,
  database,
  tls,
  location,
}: MysqlAddress & { location: string }): ConnectionOptions {
  return {
    ...(socket === null ? { host, port } : { socketPath: socket }),
    user,
    password,
    database,
    charset: 'utf8mb4',
    dateStrings: true,
    jsonStrings: true,
    rowsAsArray: true,
    // Names of columns become no code.
    disableEval: true,
    connectTimeout: connectWithinMs,
    ...(tls !== null && {
      ssl: { rejectUnauthorized: true, ...(tls.ca !== null && { ca: readCa(tls.ca, location) }) },
    }),
  };
}

function readCa(file: string, location: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw tableFault(location, `cannot be reached: the file of ca cannot be read: ${reasonOf(error)}`);
  }
}
