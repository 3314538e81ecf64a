import { parseArgs } from 'node:util';
import { runProcess } from './process.ts';
import { serveWorker } from './roles.ts';

const usage = `Usage: node worker.ts [--drain] [--take-over]

Runs the worker of this host (DECNET_HOST_UUID) until it is stopped.

  --drain      run the jobs that are waiting on the queue, then exit
  --take-over  let this machine replace the one that is recorded for this host`;

/** Runs the worker of this host, then ends the process. */
export async function runWorker(): Promise<never> {
  return runProcess(usage, async (app, argv) => {
    const { values } = parseArgs({
      args: [...argv],
      options: { drain: { type: 'boolean' }, 'take-over': { type: 'boolean' } },
    });
    await serveWorker(app, { drain: values.drain, takeOver: values['take-over'] });
  });
}
