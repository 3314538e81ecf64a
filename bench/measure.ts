import { watchEventLoopDelay } from './event-loop-delay.ts';
import type { Case, Measured, Round } from './one-pass.ts';

/** The settings of a measuring process. */
export const settings = {
  which: process.argv[2] as Case,
  databaseUrl: process.env.DATABASE_URL ?? '',
  stateFile: process.argv[3] ?? '',
  socket: process.argv[4] ?? '',
  /** The file that declares all deckies, in any case. */
  fullFile: process.argv[5] ?? '',
};

/** Runs a checkpoint, so that PostgreSQL does not write data of earlier rounds during the next one. */
export const settle = 'checkpoint';

/**
 * Measures a round for each message of the parent, so that the compared programs alternate, and reports its peak at the end.
 * @param round records the times of its phases in `phases`
 */
export function serveRounds(
  prepare: () => Promise<void>,
  round: (phases: Record<string, number>) => Promise<void>,
): void {
  const measured = async (): Promise<Round> => {
    await prepare();
    const phases: Record<string, number> = {};
    const watched = watchEventLoopDelay();
    const started = performance.now();
    await round(phases);
    const total = performance.now() - started;
    return { total, phases, eventLoopDelay: await watched.ended() };
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
