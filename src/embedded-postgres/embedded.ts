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

/** This machine's own PostgreSQL, shared by every command that finds it. */
export interface EmbeddedDatabase {
  readonly url: string;
  /** Leaves it; the last one out stops it. */
  close(): Promise<void>;
}

/** A user of the server holds this lock in shared mode; to stop the server takes it in exclusive mode. */
const leaseLock = 7_264_310_502;
/** What our connections are called; BullMQ calls those that listen by their queues. */
const ours = [applicationName, scheduleQueue, queueName('%')];
const startWithin = 60_000;
/** How often a start fails in the same way again before that is its end. */
const sameFaults = 2;
const databaseName = 'decnet_fleet';

/**
 * Joins the server of a data directory, or makes and starts it. It is a daemon of its own: it outlives a command that
 * is killed, and the next command finds it.
 * @param packaged instead of the programs that come with this version
 * @throws FleetError EMBEDDED_DATABASE_FAILED
 */
export async function openEmbedded(dataDir: string, packaged?: Binaries): Promise<EmbeddedDatabase> {
  try {
    const cluster = await openCluster(resolve(dataDir), packaged);
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
    advice: otherMajor.test(why)
      ? `With the version of decnet-fleet that made it, run \`decnet-fleet dump > fleet.dump\`; move ${join(resolve(dataDir), 'postgres')} away, and run \`decnet-fleet restore fleet.dump\` with this one (docs/upgrade.md)`
      : 'Fix it, choose another DECNET_DATA_DIR, or set DATABASE_URL to a PostgreSQL of your own',
    cause,
  });

/** PostgreSQL's reason where the data is of another major version. */
const otherMajor = /initialized by PostgreSQL version .* not compatible with this version/;

/** One session that says: this server is in use. */
interface Lease {
  readonly client: pg.Client;
  readonly url: string;
}

/** @throws why it cannot be entered or started */
async function enter(cluster: Cluster): Promise<Lease> {
  // A user who may not read it may not start the server either.
  await passwordOf(cluster);
  const until = performance.now() + startWithin;
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
    // Another command may start or stop it at this moment; what stays the same does not pass by itself.
    if (failed !== null && same >= sameFaults) throw failed;
    await sleep(pauseMs);
  }
  throw why ?? new Error(`it does not start; see ${inHome.log(cluster)}`);
}

/** @throws Error it is another user's */
const passwordOf = (cluster: Cluster): Promise<string> =>
  readFile(inHome.password(cluster), 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'EACCES')
      throw new Error('it is another user’s, and this one may not read its password', { cause: error });
    throw error;
  });

/** Null: no server runs, or it is being stopped. */
async function joinServer(cluster: Cluster): Promise<Lease | null> {
  const port = await runningPort(cluster);
  if (port === null) return null;
  const password = await passwordOf(cluster);
  // Nothing of it may come from the PG* variables, which are about another server.
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
    // Starting, stopping, gone or full: not a fault, only not yet.
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
    // Another command made it at the same moment.
    if (!['42P04', '23505'].includes(codeOf(error) ?? '')) throw error;
  });
}

/**
 * Gives the lease back. The process that then gets the exclusive lock is the last one out. With somebody's psql open the server
 * goes on: a stop that waited for it would shut out every command meanwhile. Our own connections count by their leases:
 * those of a command that has just closed them are still listed for a moment. One that has not signed in yet does not count:
 * it has no name, and a command that ends while it connects leaves such ones.
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
    // The server is gone: so is the lease.
  }
  await client.end().catch(() => undefined);
}
