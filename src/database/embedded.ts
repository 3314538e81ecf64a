import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { FleetError, reasonOf } from '../errors.ts';
import { queueName, scheduleQueue } from '../fleet/job.ts';
import { applicationName } from './application-name.ts';
import { type Cluster, clusterUser, inHome, openCluster, run } from './embedded-cluster.ts';

/** This machine's own PostgreSQL, shared by every command that finds it. */
export interface EmbeddedDatabase {
  readonly url: string;
  /** Leaves it; the last one out stops it. */
  close(): Promise<void>;
}

/** Whoever uses the server holds this lock in shared mode; whoever stops it needs it alone. */
const leaseLock = 7_264_310_502;
/** What our connections are called; BullMQ calls those that listen by their queues. */
const ours = [applicationName, scheduleQueue, queueName('%')];
const startWithin = 60_000;
const databaseName = 'decnet_fleet';

/**
 * Joins the server of a data directory, or makes and starts it. It is a daemon of its own: it outlives a command that
 * is killed, and the next command finds it.
 * @throws FleetError EMBEDDED_DATABASE_FAILED
 */
export async function openEmbedded(dataDir: string): Promise<EmbeddedDatabase> {
  try {
    const cluster = await openCluster(resolve(dataDir));
    let lease = await enter(cluster);
    let closed = false;
    // The server died under us, or somebody stopped it: start it again, at the same address.
    const watch = (): void => {
      lease.client.once('end', () => void enterAgain());
    };
    const enterAgain = async (): Promise<void> => {
      // For as long as it takes: a disk that is full now may not be so in an hour.
      for (let pause = 1000; !closed; pause = Math.min(30_000, 2 * pause)) {
        const again = await enter(cluster).catch(() => null);
        if (again === null) {
          await sleep(pause, undefined, { ref: false });
          continue;
        }
        lease = again;
        if (closed) await leave(cluster, lease);
        else watch();
        return;
      }
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

/** One session that says: this server is in use. */
interface Lease {
  readonly client: pg.Client;
  readonly url: string;
}

/** @throws what the last try failed of */
async function enter(cluster: Cluster): Promise<Lease> {
  const until = performance.now() + startWithin;
  let why: unknown = null;
  for (let pauseMs = 50; performance.now() < until; pauseMs = Math.min(1000, 2 * pauseMs)) {
    const lease = await joinServer(cluster).catch((error: unknown) => {
      why = error;
      return null;
    });
    if (lease !== null) return lease;
    await start(cluster).catch((error: unknown) => {
      why = error;
    });
    await sleep(pauseMs);
  }
  throw why ?? new Error(`it does not start; see ${inHome.log(cluster)}`);
}

/** Null: no server runs, or it is being stopped. */
async function joinServer(cluster: Cluster): Promise<Lease | null> {
  const port = await runningPort(cluster);
  if (port === null) return null;
  const password = await readFile(inHome.password(cluster), 'utf8');
  const address = (name: string): string =>
    `postgresql://${clusterUser}:${encodeURIComponent(password)}@127.0.0.1:${port}/${name}?application_name=${applicationName}`;
  const client = new pg.Client({
    connectionString: address('postgres'),
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
      return { client, url: address(databaseName) };
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

/**
 * Gives the lease back; whoever then gets the lock alone is the last one out. With somebody's psql open the server
 * goes on: a stop that waited for it would shut out every command meanwhile. Our own connections count by their leases:
 * those of a command that has just closed them are still listed for a moment.
 */
async function leave(cluster: Cluster, { client }: Lease): Promise<void> {
  try {
    await client.query('select pg_advisory_unlock_shared($1)', [leaseLock]);
    const { rows } = await client.query<{ alone: boolean }>(
      `select pg_try_advisory_lock($1) and not exists (select from pg_stat_activity
         where backend_type = 'client backend' and pid <> pg_backend_pid() and application_name not like all ($2)) as alone`,
      [leaseLock, ours],
    );
    if (rows[0]?.alone === true) {
      await run(
        cluster.binaries.pg_ctl,
        ['stop', '-D', inHome.data(cluster), '-m', 'fast', '-w'],
        cluster.owner,
      );
    }
  } catch {
    // The server is gone: so is the lease.
  }
  await client.end().catch(() => undefined);
}

/** The running server's port, of its own pid file; a stale one is removed if its process is another's now. */
async function runningPort(cluster: Cluster): Promise<number | null> {
  const file = join(inHome.data(cluster), 'postmaster.pid');
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!(pid > 0) || !(port > 0) || !isAlive(pid)) return null;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null);
  if (command !== null && !command.includes('postgres')) {
    await rm(file, { force: true });
    return null;
  }
  return port;
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
