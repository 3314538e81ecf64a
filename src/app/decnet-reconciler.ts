import { readdir, readFile } from 'node:fs/promises';

/** A process of DECNET's in which its own reconciler runs. */
export interface OwnReconciler {
  readonly pid: number;
  /** `decnet supervise batch`, or `decnet reconcile`. */
  readonly command: string;
}

/**
 * Finds DECNET's own reconcilers on this machine: it runs inside `decnet supervise batch`, or alone. Empty where processes
 * cannot be seen. @see LIVING.md, "Beside DECNET on one host"
 */
export async function ownReconcilers(proc = '/proc'): Promise<readonly OwnReconciler[]> {
  const pids = (await readdir(proc).catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found: OwnReconciler[] = [];
  for (const pid of pids) {
    const text = await readFile(`${proc}/${pid}/cmdline`, 'utf8').catch(() => '');
    const command = commandIn(text.split('\0'));
    if (command !== null) found.push({ pid: Number(pid), command });
  }
  return found;
}

/** A script is run as `python /opt/decnet/.venv/bin/decnet supervise batch`. */
function commandIn(words: readonly string[]): string | null {
  const at = words.findIndex((word) => word === 'decnet' || word.endsWith('/decnet'));
  if (at < 0 || at > 2) return null;
  const [first, second] = words.slice(at + 1);
  if (first === 'supervise' && second === 'batch') return 'decnet supervise batch';
  // `--once` ends by itself.
  return first === 'reconcile' && !words.includes('--once') ? 'decnet reconcile' : null;
}
