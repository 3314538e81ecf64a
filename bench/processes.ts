import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { cli, type Env, type Running, start } from '../test/support/cli.ts';

/** Linux counts the time of processes in hundredths of a second. */
const ticksPerSecond = 100;

/** The fields of `/proc/PID/stat` from the third on, the state. @see proc(5) */
export function statFields(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program stands in parentheses and may hold anything: what follows is counted from its end.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

const [ownTime, kernelTime] = [11, 12];
/** Of children that have ended and were waited for. */
const childrensTimes = [13, 14];

/**
 * Seconds of processor time that a process has used so far, its own and the kernel's for it.
 * @param ofChildren whether that of its ended children counts, too
 */
export function cpuSeconds(pid: number, ofChildren = false): number {
  const fields = statFields(pid);
  const counted = [ownTime, kernelTime, ...(ofChildren ? childrensTimes : [])];
  const ticks = counted.reduce((sum, at) => sum + Number(fields[at]), 0);
  if (!Number.isInteger(ticks)) throw new Error(`process ${pid} has no times: ${fields.join(' ')}`);
  return ticks / ticksPerSecond;
}

/** What a process holds of the machine's memory now, MB. */
export const residentMb = (pid: number): number => memoryMb(pid, 'VmRSS');

/** The most that it has held so far, MB. */
export const peakMb = (pid: number): number => memoryMb(pid, 'VmHWM');

function memoryMb(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no memory`);
  return Number(kilobytes) / 1024;
}

/** What a process has used of processors, in seconds, and holds of memory, in MB. */
export const usageOf = (pid: number): { cpu: number; memory: number } => ({
  cpu: cpuSeconds(pid),
  memory: residentMb(pid),
});

export function pidOf({ child }: Running): number {
  if (child.pid === undefined) throw new Error('the process did not start');
  return child.pid;
}

/** @throws what it said, if it has ended */
export function checkRunning(name: string, running: Running): void {
  const { exitCode, signalCode } = running.child;
  if (exitCode !== null || signalCode !== null)
    throw new Error(`${name} ended with ${exitCode ?? signalCode}:\n${running.output()}`);
}

/** Milliseconds that a process has to end when asked, before it is made to. */
const endsWithin = 15_000;

export async function stop({ child, finished }: Running): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), endsWithin);
  await finished;
  clearTimeout(timer);
}

/** Makes the tables of this version. @throws what it said */
export async function migrate(env: Env): Promise<void> {
  const { code, stderr } = await cli(['migrate'], env);
  if (code !== 0) throw new Error(`migrate ended with ${code}: ${stderr}`);
}

/** The dashboard in a process of its own, on loopback and any free port. */
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

/** Waits until something holds that a process is to bring about. @param within milliseconds @throws what it said */
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
