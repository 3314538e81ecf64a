import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Connection, createConnection } from 'mysql2/promise';
import { type DecnetDatabase, fixture, type Standing } from './decnet-table.ts';
import { databaseDirectory } from './fast-directory.ts';
import { findProgram } from './program.ts';
import { programServer, type Server } from './servers.ts';
import { freePort } from './services.ts';

export const noMariadb: false | string =
  (await findProgram('mariadbd')) !== null && (await findProgram('mariadb-install-db')) !== null
    ? false
    : 'mariadbd is not installed';

/** Name and password of a user with all rights. The password has what an address must encode. */
const user = 'decnet';
const password = 'p@ss/w?rd#1';
const database = 'decnet';

/**
 * A separate MariaDB with an empty database, on loopback and a socket.
 * @param settings additional command-line settings
 */
export async function mariadbServer(
  settings: readonly string[] = [],
): Promise<Server & { readonly port: number; readonly socket: string; connect(): Promise<Connection> }> {
  const directory = mkdtempSync(join(databaseDirectory(), 'decnet-fleet-mariadb-'));
  const [data, socket, port] = [join(directory, 'data'), join(directory, 'socket'), await freePort()];
  const program = (await findProgram('mariadbd')) ?? '';
  // Root must say that it means to run the server as root; an ordinary user must not.
  const asUser = process.geteuid?.() === 0 ? ['--user=root'] : [];
  await promisify(execFile)((await findProgram('mariadb-install-db')) ?? '', [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    `--tmpdir=${directory}`,
    ...asUser,
  ]);
  const connect = (): Promise<Connection> =>
    createConnection({
      ...{ host: '127.0.0.1', port, user, password, database },
      ...{ charset: 'utf8mb4', dateStrings: true, connectTimeout: 5000 },
    });
  const args = [
    '--no-defaults',
    `--datadir=${data}`,
    `--tmpdir=${directory}`,
    `--socket=${socket}`,
    `--pid-file=${join(directory, 'pid')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    '--skip-name-resolve',
    // As Debian sets it.
    '--character-set-server=utf8mb4',
    ...asUser,
    ...settings,
  ];
  const url = `mysql://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
  const server = programServer(directory, program, args, url, async () => {
    const root = await createConnection({ socketPath: socket, user: 'root' });
    try {
      await root.query('create database if not exists decnet');
      await root.query(`create user if not exists ${user}@'%' identified by ?`, [password]);
      await root.query(`grant all on *.* to ${user}@'%' with grant option`);
    } finally {
      root.destroy();
    }
  });
  await server.start().catch(async (error: unknown) => {
    await server.remove();
    throw error;
  });
  return { ...server, port, socket, connect };
}

/** @param made.charset of the database, so of the table */
export async function mariadbDecnet(
  made: { charset?: string; settings?: readonly string[] } = {},
): Promise<DecnetDatabase & { readonly server: Awaited<ReturnType<typeof mariadbServer>> }> {
  const server = await mariadbServer(made.settings);
  const db = await server.connect();
  if (made.charset !== undefined) await db.query(`alter database ${database} ${made.charset}`);
  for (const sql of readFileSync(fixture('fleet_deckies.mysql.sql'), 'utf8').split(';'))
    if (sql.trim() !== '') await db.query(sql);
  db.destroy();
  /** A connection for each statement: the server may have been restarted. */
  const query = async (sql: string, values: readonly (string | null)[] = []) => {
    const connection = await server.connect();
    try {
      return (await connection.query(sql, [...values]))[0];
    } finally {
      connection.destroy();
    }
  };
  return {
    url: server.url,
    server,
    run: async (sql, ...values) => void (await query(sql, values)),
    rows: async () => (await query('select * from fleet_deckies order by host_uuid, name')) as Standing[],
    longestLockWaitMs: async () => {
      const [found] = (await query(`show global status like 'Innodb_row_lock_time_max'`)) as {
        Value: string;
      }[];
      return Number(found?.Value);
    },
    clear: async () => void (await query('delete from fleet_deckies')),
    remove: () => server.remove(),
  };
}
