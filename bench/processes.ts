import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { cli, type Env, type Running, start } from '../test/harness/cli.ts';

/** Linux counts the time of processes in hundredths of a second. */
const ticksPerSecond = 100;

/** The fields of `/proc/PID/stat` from the third on, the state. @see proc(5) */
export function statFields(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program stands in parentheses and may hold anything: what follows is counted from its end.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

const [ownTime, kernelTime] = [11, 12];
/** The CPU time of ended children. */
const childrensTimes = [13, 14];

/**
 * The CPU time of a process so far in seconds, user and system.
 * @param ofChildren whether to include its ended children
 */
export function cpuSeconds(pid: number, ofChildren = false): number {
  const fields = statFields(pid);
  const counted = [ownTime, kernelTime, ...(ofChildren ? childrensTimes : [])];
  const ticks = counted.reduce((sum, at) => sum + Number(fields[at]), 0);
  if (!Number.isInteger(ticks)) throw new Error(`process ${pid} has no times: ${fields.join(' ')}`);
  return ticks / ticksPerSecond;
}

/** The resident memory of a process in MB. */
export const residentMb = (pid: number): number => memoryMb(pid, 'VmRSS');

/** Its peak so far in MB. */
export const peakMb = (pid: number): number => memoryMb(pid, 'VmHWM');

function memoryMb(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no memory`);
  return Number(kilobytes) / 1024;
}

/** The CPU time of a process in seconds, and its memory in MB. */
export const usageOf = (pid: number): { cpu: number; memory: number } => ({
  cpu: cpuSeconds(pid),
  memory: residentMb(pid),
});

export function pidOf({ child }: Running): number {
  if (child.pid === undefined) throw new Error('the process did not start');
  return child.pid;
}

/** @throws Error with its output, if it has ended */
export function checkRunning(name: string, running: Running): void {
  const { exitCode, signalCode } = running.child;
  if (exitCode !== null || signalCode !== null)
    throw new Error(`${name} ended with ${exitCode ?? signalCode}:\n${running.output()}`);
}

/** Milliseconds for a process to end after SIGTERM, before it is killed. */
const endsWithin = 15_000;

export async function stop({ child, finished }: Running): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), endsWithin);
  await finished;
  clearTimeout(timer);
}

/** Creates the tables of this version. @throws Error with the output */
export async function migrate(env: Env): Promise<void> {
  const { code, stderr } = await cli(['migrate'], env);
  if (code !== 0) throw new Error(`migrate ended with ${code}: ${stderr}`);
}

/** The dashboard in a separate process, on loopback and any free port. */
export async function startDashboard(env: Env): Promise<{ running: Running; url: string }> {
  const running = start(['dashboard', '--host', '127.0.0.1', '--port', '0'], env);
  try {
    const said = await running.said(/dashboard is at http:\S+\n/);
    return { running, url: /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0] ?? '' };
  } catch (error) {
    await stop(running);
    throw error;
  }
}

/** Waits until a process has fulfilled a condition. @param within milliseconds @throws Error with its output */
export async function untilIn(
  running: Running,
  what: string,
  holds: () => Promise<boolean>,
  within = 60_000,
): Promise<void> {
  const until = performance.now() + within;
  while (!(await holds())) {
    checkRunning(what, running);
    if (performance.now() > until) throw new Error(`${what} did not happen:\n${running.output()}`);
    await sleep(5);
  }
}
