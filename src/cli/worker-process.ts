import { parseArgs } from 'node:util';
import { loadHostWorker } from '../app/worker.ts';
import { keepHeapSmall } from '../worker/heap.ts';
import { untilStopped } from './context.ts';
import { runProcess } from './process.ts';

const usage = `Usage: node worker.ts [--drain] [--take-over]

Serves the queue of this host (DECNET_HOST_UUID) until it is stopped.

  --drain      run what waits on the queue, then exit
  --take-over  this machine replaces the one that was recorded for this host`;

export const file = import.meta.filename;

/** Loads what a worker needs, and does nothing with it. */
export const load = async (): Promise<void> => {
  await loadHostWorker();
};

/** Serves this host's queue; ends the process. */
export async function run(): Promise<never> {
  // Before anything else is loaded: what the young generation has grown to meanwhile, it keeps.
  keepHeapSmall();
  return runProcess(usage, async (app, argv) => {
    const { values } = parseArgs({
      args: [...argv],
      options: { drain: { type: 'boolean' }, 'take-over': { type: 'boolean' } },
    });
    const stopped = untilStopped(app.log);
    if (values['take-over']) await app.takeOver();
    const worker = await Promise.race([app.hostWorker({ follows: values.drain !== true }), stopped]);
    // Stopped while it waited for a store.
    if (worker === undefined) return;
    if (values.drain) return worker.drain();
    await Promise.race([stopped, worker.asked]);
  });
}

if (process.argv[1] === file) await run();
