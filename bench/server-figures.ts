import { readdirSync } from 'node:fs';
import { cpuSeconds, statFields } from './processes.ts';

/** The CPU time of a PostgreSQL server and its backends so far, in seconds. Ended backends are counted by their parent. */
export const clusterCpu = (postmaster: number): number =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .reduce((sum, name) => sum + cpuOfChild(Number(name), postmaster), cpuSeconds(postmaster, true));

/** Zero for a process that is not its child, or has just ended. */
function cpuOfChild(pid: number, parent: number): number {
  try {
    return Number(statFields(pid)[1]) === parent ? cpuSeconds(pid) : 0;
  } catch {
    return 0;
  }
}

/** A number from Redis's INFO. */
export const redisFigure = (info: string, name: string): number =>
  Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? 0);
