import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { inHome, openCluster, run } from '../../src/embedded-postgres/cluster.ts';
import { openEmbedded } from '../../src/embedded-postgres/embedded.ts';
import { copyDatabase } from './data-directory.ts';
import { findProgram } from './program.ts';
import { freePort } from './services.ts';
import { waitFor } from './wait.ts';

/** A server that a test may stop and start: at the same address. */
export interface Server {
  readonly url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** It keeps its connections, takes new ones, and says nothing. */
  hang(): void;
  /** It goes on where it was. */
  resume(): void;
  remove(): Promise<void>;
}

/**
 * A Redis of the test's own, which keeps nothing: started again it is an empty one.
 * @param settings more of them, as on the command line
 */
export async function redisServer(settings: readonly string[] = []): Promise<Server> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  // What it writes for a replica is another user's in a directory that all share.
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-redis-'));
  let child: ChildProcess | null = null;
  const server: Server = {
    url,
    start: async () => {
      const args = [
        ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory],
        ...settings,
      ];
      child = spawn((await findProgram('redis-server')) ?? '', args, { stdio: 'ignore' });
      await waitFor(async () => {
        const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
        client.on('error', () => undefined);
        await client.connect();
        client.disconnect();
        return true;
      });
    },
    stop: async () => {
      const running = child;
      child = null;
      if (running === null) return;
      const ended = new Promise<void>((done) => running.once('exit', () => done()));
      running.kill('SIGKILL');
      await ended;
    },
    hang: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    remove: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/**
 * A PostgreSQL of the test's own.
 * @param made.settings more of them, as on the command line
 * @param made.prepare called with its data directory and whose it is, before it starts
 */
export async function postgresServer(
  made: {
    settings?: string;
    prepare?: (data: string, owner: { uid: number; gid: number } | null) => void;
  } = {},
): Promise<Server> {
  const parent = mkdtempSync(join(tmpdir(), 'decnet-fleet-pg-'));
  chmodSync(parent, 0o755);
  const directory = join(parent, 'data');
  await copyDatabase(directory);
  const embedded = await openEmbedded(directory);
  const { port } = new URL(embedded.url);
  await embedded.close();
  const cluster = await openCluster(directory);
  const data = inHome.data(cluster);
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' ${made.settings ?? ''}`;
  made.prepare?.(data, cluster.owner);
  let held: readonly number[] = [];
  const server: Server = {
    url: embedded.url,
    hang: () => {
      const postmaster = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
      process.kill(postmaster, 'SIGSTOP');
      held = [...childrenOf(postmaster), postmaster];
      for (const pid of held) process.kill(pid, 'SIGSTOP');
    },
    resume: () => {
      for (const pid of held) process.kill(pid, 'SIGCONT');
      held = [];
    },
    start: () =>
      run(
        cluster.binaries.pg_ctl,
        ['start', '-D', data, '-l', inHome.log(cluster), '-w', '-o', options],
        cluster.owner,
      ),
    stop: () => run(cluster.binaries.pg_ctl, ['stop', '-D', data, '-m', 'immediate', '-w'], cluster.owner),
    remove: async () => {
      await server.stop().catch(() => undefined);
      rmSync(parent, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

/** One query on a server that may just have come back. */
export async function ask<R extends pg.QueryResultRow>(
  url: string,
  statement: string,
): Promise<readonly R[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<R>(statement)).rows;
  } finally {
    await client.end();
  }
}
