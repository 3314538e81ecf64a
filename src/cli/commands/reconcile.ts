import type { App } from '../../app/app.ts';
import { requestOnePass } from '../../app/one-pass.ts';
import { FleetError } from '../../lib/errors.ts';
import { audited } from '../audited.ts';
import { hostOf, type Register, untilStopped, withApp } from '../context.ts';
import { option } from '../options.ts';
import { passSummary } from '../pass-summary.ts';
import { reportWhenStopped } from '../stopped-worker.ts';

interface Options {
  readonly once?: true;
  readonly interval?: number;
  readonly host?: string;
  readonly dryRun?: true;
  readonly json?: true;
  readonly timeout: number;
  readonly takeOver?: true;
}

/** Runs one pass now (`--once`), or a worker and a scheduler in one process. */
export const reconcile: Register = (command, context) => {
  command
    .option('--once', 'run one pass: enqueue it, wait for its result, print the counts')
    .option('--interval <seconds>', 'without --once: seconds between passes', option.seconds)
    .option('--host <host>', 'with --once: run the pass on another host', option.host)
    .option('--dry-run', 'with --once: write nothing')
    .option('--json', "with --once: print the job's result as JSON")
    .option('--timeout <seconds>', 'with --once: how long to wait for a result', option.seconds, 30)
    .option('--take-over', 'let this machine replace the one that is recorded for this host')
    .action((options: Options) => {
      checkTogether(options);
      return options.once ? once(options) : forEver(options);
    });

  const once = (options: Options): Promise<void> =>
    withApp(context, async (app) => {
      const host = hostOf(app.config, options.host);
      if (options.takeOver) {
        if (host !== app.config.host) throw together('--take-over', 'the --host of another machine');
        await app.takeOver();
      }
      const data = { host_uuid: host, cause: 'manual' as const, ...(options.dryRun && { dry_run: true }) };
      const pass = () => requestOnePass(app, data, options.timeout, context.progress);
      const result = options.dryRun
        ? await pass()
        : await audited(app, context, { act: 'reconcile', host }, pass);
      if (options.json) context.printJson(result);
      else context.print(passSummary(result));
    });

  const forEver = (options: Options): Promise<void> => {
    if (options.interval !== undefined)
      context.env = { ...context.env, DECNET_INTERVAL: String(options.interval) };
    const run = async (app: App): Promise<void> => {
      const stopped = untilStopped(app.log);
      if (options.takeOver) await app.takeOver();
      const worker = await app.hostWorker({
        follows: true,
        onPass: (data, { result }) => {
          if (data.cause === 'start') context.print(`first pass: ${passSummary(result)}`);
        },
      });
      await app.scheduler();
      reportWhenStopped(context, worker, 'The scheduler and notifications');
      await stopped;
    };
    return withApp(context, run, { level: 'info', isLongLived: true });
  };
};

function checkTogether(options: Options): void {
  if (options.once) {
    if (options.interval !== undefined) throw together('--interval', '--once');
    return;
  }
  if (options.json) throw needsOnce('--json');
  if (options.dryRun) throw needsOnce('--dry-run');
  if (options.host !== undefined) throw needsOnce('--host');
}

const together = (one: string, other: string): FleetError =>
  new FleetError('CONFIG_INVALID', `${one} cannot be used with ${other}`);
const needsOnce = (name: string): FleetError =>
  new FleetError('CONFIG_INVALID', `${name} requires --once`, {
    advice: 'See `decnet-fleet reconcile --help`',
  });
