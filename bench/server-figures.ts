import { readdirSync } from 'node:fs';
import { cpuSeconds, statFields } from './processes.ts';

/** A PostgreSQL and its backends: CPU so far in seconds. A backend that ended is counted by its parent. */
export const clusterCpu = (postmaster: number): number =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .reduce((sum, name) => sum + cpuOfChild(Number(name), postmaster), cpuSeconds(postmaster, true));

/** Zero of a process that is none of its children, or has just ended. */
function cpuOfChild(pid: number, parent: number): number {
  try {
    return Number(statFields(pid)[1]) === parent ? cpuSeconds(pid) : 0;
  } catch {
    return 0;
  }
}

/** A figure of Redis's INFO. */
export const redisFigure = (info: string, name: string): number =>
  Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? 0);
