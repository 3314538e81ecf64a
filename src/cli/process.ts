import type { App } from '../app/app.ts';
import { codeOf, FleetError } from '../lib/errors.ts';
import { keepHeapSmall } from '../lib/heap.ts';
import { createContext, outliveReaders, withApp } from './context.ts';
import { exitCodeOf, reportError } from './failure.ts';

/** Runs `worker.ts` or `scheduler.ts` with the configuration of the environment, then ends the process. */
export async function runProcess(
  usage: string,
  work: (app: App, argv: readonly string[]) => Promise<void>,
): Promise<never> {
  // Before the rest is loaded: the young generation does not shrink once it has grown.
  keepHeapSmall();
  const argv = process.argv.slice(2);
  const context = createContext(process.env);
  outliveReaders();
  if (argv.includes('--help') || argv.includes('-h')) {
    context.print(usage);
    process.exit((await context.printed()) ? 0 : 1);
  }
  try {
    await withApp(context, (app) => work(app, argv), { level: 'info', isLongLived: true });
    process.exit(0);
  } catch (thrown) {
    const error = isWrongUsage(thrown)
      ? new FleetError('CONFIG_INVALID', thrown.message.split('.')[0] ?? '')
      : thrown;
    reportError(context, error);
    process.exit(exitCodeOf(error));
  }
}

const isWrongUsage = (error: unknown): error is Error =>
  error instanceof Error && codeOf(error)?.startsWith('ERR_PARSE_ARGS') === true;
