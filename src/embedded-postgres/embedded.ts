import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { queueName, scheduleQueue } from '../fleet/job.ts';
import { applicationName } from '../lib/application-name.ts';
import { codeOf, FleetError, reasonOf } from '../lib/errors.ts';
import { type Binaries, type Cluster, clusterUser, inHome, openCluster, run } from './cluster.ts';
import { runningPort, startServer } from './server.ts';

export { embeddedExists } from './cluster.ts';

/** The embedded PostgreSQL of this machine, shared by all commands. */
export interface EmbeddedDatabase {
  readonly url: string;
  /** Releases the database. The last command that releases it stops the server. */
  close(): Promise<void>;
}

/** Each command that uses the server holds this advisory lock in shared mode; stopping the server requires exclusive mode. */
const leaseLock = 7_264_310_502;
/** The application names of decnet-fleet's connections; BullMQ uses queue names for connections that listen. */
const ours = [applicationName, scheduleQueue, queueName('%')];
export interface EmbeddedLimits {
  /** Milliseconds that opening it may take until it has started. */
  readonly startWithinMs: number;
  /** Milliseconds: the longest pause between two attempts to start a server that was lost. */
  readonly longestPauseMs: number;
}
const usualLimits: EmbeddedLimits = { startWithinMs: 60_000, longestPauseMs: 5000 };
/** How often the same error may repeat before starting is given up. */
const sameFaults = 2;
const databaseName = 'decnet_fleet';

/**
 * Connects to the server of a data directory, and creates and starts it if necessary. The server is a separate daemon: it
 * survives a killed command, and the next command uses it.
 * @param packaged programs to use instead of those of this version
 * @param more limits that differ from the usual ones
 * @throws FleetError EMBEDDED_DATABASE_FAILED
 */
export async function openEmbedded(
  dataDir: string,
  packaged?: Binaries,
  more: Partial<EmbeddedLimits> = {},
): Promise<EmbeddedDatabase> {
  const { startWithinMs, longestPauseMs } = { ...usualLimits, ...more };
  try {
    const cluster = await openCluster(resolve(dataDir), packaged);
    let lease = await enter(cluster, startWithinMs);
    let closed = false;
    // If the server crashes or is stopped by another program, start it again at the same address.
    const watch = (): void => {
      lease.client.once('end', () => void enterAgain());
    };
    const enterAgain = async (): Promise<void> => {
      // Without a time limit: a cause such as a full disk may be fixed later.
      for (let pause = 1000; !closed; pause = Math.min(longestPauseMs, 2 * pause)) {
        const again = await enter(cluster, startWithinMs).catch(() => null);
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
    advice: otherMajor.test(why)
      ? `With the version of decnet-fleet that created it, run \`decnet-fleet dump > fleet.dump\`; move ${join(resolve(dataDir), 'postgres')} away, and run \`decnet-fleet restore fleet.dump\` with this version (docs/upgrade.md)`
      : 'Fix the cause, choose another DECNET_DATA_DIR, or set DATABASE_URL to your own PostgreSQL',
    cause,
  });

/** PostgreSQL's error for a data directory of another major version. */
const otherMajor = /initialized by PostgreSQL version .* not compatible with this version/;

/** A session that marks the server as in use by holding the lock. */
interface Lease {
  readonly client: pg.Client;
  readonly url: string;
}

/** Connects to the server or starts it. @throws Error when it can be neither joined nor started */
async function enter(cluster: Cluster, startWithinMs: number): Promise<Lease> {
  // Check first: a user that cannot read the password cannot start the server either.
  await passwordOf(cluster);
  const until = performance.now() + startWithinMs;
  let why: Error | null = null;
  let same = 0;
  for (let pauseMs = 50; performance.now() < until; pauseMs = Math.min(1000, 2 * pauseMs)) {
    const lease = await joinServer(cluster);
    if (lease !== null) return lease;
    const failed = await startServer(cluster).then(
      () => null,
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
    same = failed !== null && failed.message === why?.message ? same + 1 : 0;
    why = failed ?? why;
    // Another command may be starting or stopping the server, so retry. An error that repeats is permanent.
    if (failed !== null && same >= sameFaults) throw failed;
    await sleep(pauseMs);
  }
  throw why ?? new Error(`it does not start; see ${inHome.log(cluster)}`);
}

/** The password of the database. @throws Error when the database belongs to another user */
const passwordOf = (cluster: Cluster): Promise<string> =>
  readFile(inHome.password(cluster), 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'EACCES')
      throw new Error('it belongs to another user, and this user cannot read its password', { cause: error });
    throw error;
  });

/** Connects to the running server; null: none is running, or it is starting or stopping. */
async function joinServer(cluster: Cluster): Promise<Lease | null> {
  const port = await runningPort(cluster);
  if (port === null) return null;
  const password = await passwordOf(cluster);
  // Set everything: the PG* variables may describe another server.
  const address = (name: string): string =>
    `postgresql://${clusterUser}:${encodeURIComponent(password)}@127.0.0.1:${port}/${name}?application_name=${applicationName}&sslmode=disable&options=%20`;
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
    // The server is starting, stopping, gone or has no free connection: try again.
    const code = codeOf(error) ?? '';
    if (/^(57P|53|08|ECONN)/.test(code) || code === '') return null;
    throw error;
  }
  await client.end();
  return null;
}

async function createDatabase(client: pg.Client): Promise<void> {
  const { rows } = await client.query('select 1 from pg_database where datname = $1', [databaseName]);
  if (rows.length > 0) return;
  await client.query(`create database ${databaseName}`).catch((error: unknown) => {
    // Another command may have created it at the same time.
    if (!['42P04', '23505'].includes(codeOf(error) ?? '')) throw error;
  });
}

/**
 * Releases the lease. The process that then gets the exclusive lock stops the server, unless another program, such as psql, is
 * connected: a stop that waits for it would block all commands. Connections of decnet-fleet are ignored, because the lock
 * already counts them, and closed connections are listed for a moment. Connections that are not authenticated yet are ignored,
 * too: they have no application name, and a command that ends while connecting leaves some.
 */
async function leave(cluster: Cluster, { client }: Lease): Promise<void> {
  try {
    await client.query('select pg_advisory_unlock_shared($1)', [leaseLock]);
    const { rows } = await client.query<{ alone: boolean }>(
      `select pg_try_advisory_lock($1) and not exists (select from pg_stat_activity
         where backend_type = 'client backend' and state <> 'starting' and pid <> pg_backend_pid()
           and application_name not like all ($2)) as alone`,
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
    // The server is gone, and with it the lease.
  }
  await client.end().catch(() => undefined);
}
