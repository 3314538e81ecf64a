import { keepHeapSmall } from '../../lib/heap.ts';
import { type Register, withApp } from '../context.ts';
import { serveScheduler, serveWorker, type WorkerChoice } from '../roles.ts';

/** The worker of this host, as `node worker.ts` in a checkout. */
export const worker: Register = (command, context) => {
  command
    .option('--drain', 'run the jobs that are waiting on the queue, then exit')
    .option('--take-over', 'let this machine replace the one that is recorded for this host')
    .action((options: WorkerChoice) => {
      keepHeapSmall();
      return withApp(context, (app) => serveWorker(app, options), { level: 'info', isLongLived: true });
    });
};

/** A scheduler, as `node scheduler.ts` in a checkout. */
export const scheduler: Register = (command, context) => {
  command.addHelpText('after', '\nAny number of schedulers may run, on any machine.').action(() => {
    keepHeapSmall();
    return withApp(context, serveScheduler, { level: 'info', isLongLived: true });
  });
};
