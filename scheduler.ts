import { parseArgs } from 'node:util';
import { untilStopped } from './src/cli/context.ts';
import { runProcess } from './src/cli/process.ts';

const usage = `Usage: node scheduler.ts

Enqueues a reconcile for every known host each interval, until it is stopped. Any number of them may run.`;

await runProcess(usage, async (app, argv) => {
  parseArgs({ args: [...argv], options: {} });
  const stopped = untilStopped(app.log);
  await Promise.race([app.scheduler(), stopped]);
  await stopped;
});
