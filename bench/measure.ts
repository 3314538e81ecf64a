import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Case, Measured } from './one-pass.ts';

export const median = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;

/** What a measuring process is told. */
export const told = {
  which: process.argv[2] as Case,
  deckies: Number(process.argv[3]),
  rounds: Number(process.argv[4]),
  databaseUrl: process.argv[5] ?? '',
  stateFile: process.argv[6] ?? '',
  socket: process.argv[7] ?? '',
  /** The file that declares all of them, whatever the case. */
  fullFile: process.argv[8] ?? '',
};

/**
 * Measures some rounds after one that warms up, and tells the parent.
 * @param round takes the times of its phases into `phases`
 */
export async function measure(
  prepare: () => Promise<void>,
  round: (phases: Record<string, number>) => Promise<void>,
): Promise<void> {
  const totals: number[] = [];
  const phases: Record<string, number>[] = [];
  const blocked: number[] = [];
  for (let at = 0; at <= told.rounds; at++) {
    await prepare();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const times: Record<string, number> = {};
    delay.enable();
    const started = performance.now();
    await round(times);
    const took = performance.now() - started;
    // The stretch that ended the round is seen at the next turn of the loop.
    await new Promise((done) => setTimeout(done, 5));
    delay.disable();
    if (at === 0) continue;
    totals.push(took);
    phases.push(times);
    blocked.push(delay.max / 1e6);
  }
  const names = Object.keys(phases[0] ?? {});
  const result: Measured = {
    total: median(totals),
    phases: Object.fromEntries(names.map((name) => [name, median(phases.map((one) => one[name] ?? 0))])),
    peak: process.resourceUsage().maxRSS * 1024,
    blocked: median(blocked),
  };
  process.send?.(result, () => process.exit(0));
}

export async function timed<T>(
  phases: Record<string, number>,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const found = await work();
  phases[name] = (phases[name] ?? 0) + performance.now() - started;
  return found;
}
