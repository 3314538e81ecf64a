import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { inHome, openCluster, run } from '../../src/embedded-postgres/cluster.ts';
import { openEmbedded } from '../../src/embedded-postgres/embedded.ts';
import { copyDatabase } from './data-directory.ts';
import { databaseDirectory } from './fast-directory.ts';
import { findProgram } from './program.ts';
import { freePort } from './services.ts';
import { waitFor } from './wait.ts';

/** A server that a test can stop and restart at the same address. */
export interface Server {
  readonly url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Suspends it: it keeps its connections, accepts new ones, and does not answer. */
  hang(): void;
  /** Resumes it. */
  resume(): void;
  remove(): Promise<void>;
}

/** Suspends a process, and returns when all its threads stand still: until then it may still answer. */
function suspend(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  const until = performance.now() + 5000;
  while (!standsStill(pid) && performance.now() < until);
}

/** Whether each thread is stopped (`T`), or has ended. */
const standsStill = (pid: number): boolean =>
  threadsOf(pid).every((thread) => {
    try {
      return /\) [TtXZ] /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'));
    } catch {
      return true;
    }
  });

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/**
 * A server that is one process, with a directory of its own. It is stopped as by a crash.
 * @param answers rejects until it answers
 */
export function programServer(
  directory: string,
  program: string,
  args: readonly string[],
  url: string,
  answers: () => Promise<void>,
): Server {
  let child: ChildProcess | null = null;
  const server: Server = {
    url,
    start: async () => {
      child = spawn(program, args, { stdio: 'ignore' });
      await waitFor(() => answers().then(() => true));
    },
    stop: async () => {
      const running = child;
      child = null;
      if (running === null) return;
      const ended = new Promise<void>((done) => running.once('exit', () => done()));
      running.kill('SIGKILL');
      await ended;
    },
    hang: () => {
      if (child?.pid !== undefined) suspend(child.pid);
    },
    resume: () => void child?.kill('SIGCONT'),
    remove: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return server;
}

/**
 * A separate Redis without persistence: it is empty after a restart.
 * @param settings additional command-line settings
 */
export async function redisServer(settings: readonly string[] = []): Promise<Server> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  // In a shared directory, files that it writes for a replica could belong to another user.
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-redis-'));
  const program = (await findProgram('redis-server')) ?? '';
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory],
    ...settings,
  ];
  const server = programServer(directory, program, args, url, async () => {
    const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => undefined);
    await client.connect();
    client.disconnect();
  });
  await server.start();
  return server;
}

/**
 * A separate PostgreSQL.
 * @param made.settings additional command-line settings
 * @param made.prepare called before it starts, with its data directory and owner
 */
export async function postgresServer(
  made: {
    settings?: string;
    prepare?: (data: string, owner: { uid: number; gid: number } | null) => void;
  } = {},
): Promise<Server> {
  const parent = mkdtempSync(join(databaseDirectory(), 'decnet-fleet-pg-'));
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
      suspend(postmaster);
      held = [...childrenOf(postmaster), postmaster];
      for (const pid of held) suspend(pid);
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

/** The ids of a process's children. */
export const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

/** Runs one query on a server that may have just restarted. */
export async function ask<R extends pg.QueryResultRow>(
  url: string,
  statement: string,
  values: readonly unknown[] = [],
): Promise<readonly R[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<R>(statement, [...values])).rows;
  } finally {
    await client.end();
  }
}
