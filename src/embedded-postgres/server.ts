import { readFile, readlink, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../lib/errors.ts';
import { type Cluster, inHome, run } from './cluster.ts';

/** The port of the running server, from its pid file; null: not running. A stale pid file is removed. */
export async function runningPort(cluster: Cluster): Promise<number | null> {
  const file = join(inHome.data(cluster), 'postmaster.pid');
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!(pid > 0) || !(port > 0) || !isAlive(pid)) return null;
  if (await isAnother(pid, inHome.data(cluster))) {
    await rm(file, { force: true });
    return null;
  }
  return port;
}

/**
 * Whether a process is not the server of this data directory: its pid was reused by another program or by the server of another
 * directory. False when it cannot be determined.
 */
async function isAnother(pid: number, data: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null);
  if (command === null) return false;
  const [program = '', ...args] = command.split('\0');
  if (!program.includes('postgres')) return true;
  // The working directory of a server is its data directory. Other users cannot read it.
  const location = await readlink(`/proc/${pid}/cwd`).catch(() => null);
  if (location !== null) return location !== (await realpath(data).catch(() => data));
  return !args.includes(data);
}

/** After a server was killed, its processes end on their own. Until then they keep its shared memory. */
const orphansEndWithinMs = 10_000;
const isKeptByOrphans = /pre-existing shared memory block/;
/** Another command is starting or stopping it. */
const isUnderWay = /lock file "postmaster\.pid" already exists/;
/** The answer to a client that connects while it starts or stops: it stands in the log, too. */
const isAnswerToClient = /^the database system is /;

/** Tries to start the server. @returns `kept`: try again; `underWay`: another command does @throws Error with the reason from its log */
async function started(
  cluster: Cluster,
  args: readonly string[],
  until: number,
): Promise<'started' | 'kept' | 'underWay'> {
  const log = inHome.log(cluster);
  const before = await sizeOf(log);
  try {
    await run(cluster.binaries.pg_ctl, args, cluster.owner);
    return 'started';
  } catch (error) {
    const faults = await faultsIn(log, before);
    if (faults.some((fault) => isUnderWay.test(fault))) return 'underWay';
    const reason = faults.findLast((fault) => !isAnswerToClient.test(fault));
    if (reason === undefined) throw error;
    if (isKeptByOrphans.test(reason) && performance.now() < until) return 'kept';
    throw new Error(reason, { cause: error });
  }
}

/** Starts the server, unless another command is starting or stopping it. @throws Error with the reason from its log */
export async function startServer(cluster: Cluster): Promise<void> {
  if ((await runningPort(cluster)) !== null) return;
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
  const until = performance.now() + orphansEndWithinMs;
  while (true) {
    const outcome = await started(cluster, args, until);
    if (outcome === 'started') await writeFile(inHome.port(cluster), String(port));
    if (outcome !== 'kept') return;
    await sleep(200);
  }
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/** The fatal errors in the log, each with its detail. @param from the offset of the new part of the log */
async function faultsIn(log: string, from: number): Promise<readonly string[]> {
  const text = (await readFile(log, 'utf8').catch(() => '')).slice(from);
  const lines = text.split('\n').map((line) => /\b(FATAL|PANIC|DETAIL): {1,2}(.*)/.exec(line));
  return lines.flatMap((line, at) => {
    const [, level, fault] = line ?? [];
    if (fault === undefined || level === 'DETAIL') return [];
    const next = lines[at + 1];
    return [next?.[1] === 'DETAIL' ? `${fault}: ${next[2]}` : fault];
  });
}

/** The port of the last start if it is free, so that commands can reconnect at the same address; else any free port. */
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
    return codeOf(error) === 'EPERM';
  }
}
