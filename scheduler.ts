import { parseArgs } from 'node:util';
import { untilStopped } from './src/cli/context.ts';
import { runProcess } from './src/cli/process.ts';

const usage = `Usage: node scheduler.ts

Enqueues a pass for every known host at each interval until it is stopped. Any number of schedulers may run.`;

await runProcess(usage, async (app, argv) => {
  parseArgs({ args: [...argv], options: {} });
  const stopped = untilStopped(app.log);
  await Promise.race([app.scheduler(), stopped]);
  await stopped;
});
