import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from './wait.ts';

/** The reason to skip tests with networks of their own; false: they can be made. */
export const noNamespaces: string | false =
  process.platform !== 'linux' || process.getuid?.() !== 0
    ? 'a network of its own needs Linux and root'
    : false;

/** A process in a network of its own. */
export interface Namespace {
  readonly pid: number;
  /** Opens sockets in it, from a process outside. @param code for `node --eval` */
  run(code: string): Promise<{ end(): Promise<void> }>;
  end(): Promise<void>;
}

/** Node code that listens. */
export const tcp = (port: number, address = '0.0.0.0'): string =>
  `require('node:net').createServer().listen(${port}, '${address}');`;
export const udp = (port: number): string => `require('node:dgram').createSocket('udp4').bind(${port});`;

export async function namespace(): Promise<Namespace> {
  const child = spawn('unshare', ['--net', 'sleep', '600'], { stdio: 'ignore' });
  const pid = child.pid ?? 0;
  await waitFor(async () => (await readFile(`/proc/${pid}/comm`, 'utf8')).trim() === 'sleep', 10_000);
  return { pid, run: (code) => runIn(pid, code), end: () => ended(child) };
}

/** Runs code in the network of a process. */
export async function runIn(pid: number, code: string): Promise<{ end(): Promise<void> }> {
  const args = [
    `--net=/proc/${pid}/ns/net`,
    process.execPath,
    '--eval',
    `${code} setTimeout(() => console.log('ready'), 100)`,
  ];
  const child = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((done, fail) => {
    child.stdout.once('data', () => done());
    child.once('exit', () => fail(new Error('it did not begin')));
  });
  return { end: () => ended(child) };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((done) => child.once('exit', () => done()));
  child.kill('SIGKILL');
  await exit;
}

/** An id as Docker gives them. */
export const containerId = (name: string): string => createHash('sha256').update(name).digest('hex');

/** A `/proc` with some of this machine's processes, each in the control group of a container. */
export function procOf() {
  const path = mkdtempSync(join(tmpdir(), 'decnet-fleet-proc-'));
  return {
    path,
    /** @param number the number of the process in this `/proc` */
    add: (pid: number, container: string, number = pid): void => {
      rmSync(join(path, `${number}`), { recursive: true, force: true });
      mkdirSync(join(path, `${number}`));
      for (const name of ['net', 'stat']) symlinkSync(`/proc/${pid}/${name}`, join(path, `${number}`, name));
      writeFileSync(join(path, `${number}`, 'cgroup'), `0::/system.slice/docker-${container}.scope\n`);
    },
    remove: (): void => rmSync(path, { recursive: true, force: true }),
  };
}
