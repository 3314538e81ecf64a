import { parseArgs } from 'node:util';
import { keepHeapSmall } from '../worker/heap.ts';
import { untilStopped } from './context.ts';
import { runProcess } from './process.ts';

const usage = `Usage: node worker.ts [--drain] [--take-over]

Runs the worker of this host (DECNET_HOST_UUID) until it is stopped.

  --drain      run the jobs that are waiting on the queue, then exit
  --take-over  let this machine replace the one that is recorded for this host`;

/** Runs the worker of this host, then ends the process. */
export async function runWorker(): Promise<never> {
  // Before anything else is loaded: the young generation never shrinks to a smaller limit.
  keepHeapSmall();
  return runProcess(usage, async (app, argv) => {
    const { values } = parseArgs({
      args: [...argv],
      options: { drain: { type: 'boolean' }, 'take-over': { type: 'boolean' } },
    });
    const stopped = untilStopped(app.log);
    if (values['take-over']) await app.takeOver();
    const worker = await Promise.race([app.hostWorker({ follows: values.drain !== true }), stopped]);
    // The process was stopped while the worker waited for a store.
    if (worker === undefined) return;
    if (values.drain) return worker.drain();
    await Promise.race([stopped, worker.stopped]);
  });
}
