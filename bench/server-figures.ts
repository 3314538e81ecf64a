import { readdirSync, readFileSync } from 'node:fs';
import { cpuSeconds } from './processes.ts';

/** A PostgreSQL and its backends: CPU so far in seconds. A backend that ended is counted by its parent. */
export function clusterCpu(postmaster: number): number {
  const parentOf = (pid: string): number => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  };
  const children = readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && parentOf(pid) === postmaster;
    } catch {
      return false;
    }
  });
  const stat = readFileSync(`/proc/${postmaster}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const own = (Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])) / 100;
  return children.reduce((sum, pid) => sum + cpuOrNone(Number(pid)), own);
}

const cpuOrNone = (pid: number): number => {
  try {
    return cpuSeconds(pid);
  } catch {
    return 0;
  }
};

/** A figure of Redis's INFO. */
export const redisFigure = (info: string, name: string): number =>
  Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
