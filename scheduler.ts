import { parseArgs } from 'node:util';
import { runProcess } from './src/cli/process.ts';
import { serveScheduler } from './src/cli/roles.ts';

const usage = `Usage: node scheduler.ts

Enqueues a pass for every known host at each interval until it is stopped. Any number of schedulers may run.`;

await runProcess(usage, async (app, argv) => {
  parseArgs({ args: [...argv], options: {} });
  await serveScheduler(app);
});
