import type { Case, Measured, Round } from './one-pass.ts';
import { watchStandstill } from './standstill.ts';

/** What a measuring process is told. */
export const told = {
  which: process.argv[2] as Case,
  databaseUrl: process.env.DATABASE_URL ?? '',
  stateFile: process.argv[3] ?? '',
  socket: process.argv[4] ?? '',
  /** The file that declares all of them, whatever the case. */
  fullFile: process.argv[5] ?? '',
};

/** Has PostgreSQL write what earlier rounds left to be written, so that it does not do so during the next. */
export const settle = 'checkpoint';

/**
 * Measures a round whenever the parent asks for one, so that what is compared takes turns, and tells its peak in the end.
 * @param round takes the times of its phases into `phases`
 */
export function serveRounds(
  prepare: () => Promise<void>,
  round: (phases: Record<string, number>) => Promise<void>,
): void {
  const measured = async (): Promise<Round> => {
    await prepare();
    const phases: Record<string, number> = {};
    const watched = watchStandstill();
    const started = performance.now();
    await round(phases);
    const total = performance.now() - started;
    return { total, phases, standstill: await watched.ended() };
  };
  process.on('message', (message) => {
    if (message === 'round') void measured().then((found) => process.send?.(found), fail);
    else {
      const result: Measured = { peak: process.resourceUsage().maxRSS * 1024 };
      process.send?.(result, () => process.exit(0));
    }
  });
  process.send?.('ready');
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
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
