import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError, reasonOf } from '../../lib/errors.ts';
import { type Register, withApp } from '../context.ts';
import { ChoiceOption, ListOption, option } from '../options.ts';
import { type Goal, goals, listOf, missingFor, reachedText, type Wanted } from '../status/goals.ts';
import { hostsWithDeckies } from '../status/read.ts';
import type { HostStatus } from '../status/selection.ts';

interface Options {
  readonly for: Goal;
  readonly host?: readonly string[];
  readonly timeout: number;
}

/** Milliseconds between two checks. */
const pollEveryMs = 500;

/** Waits until the fleet, some hosts or some deckies are as they should be. */
export const waitCommand: Register = (command, context) => {
  command
    .argument('[deckies...]', 'only these deckies')
    .addOption(new ChoiceOption('--for <goal>', 'what to wait for', goals).makeOptionMandatory())
    .addOption(
      new ListOption(
        '--host <hosts>',
        'only these hosts; comma-separated, or repeat the option',
        option.listOf(option.host),
      ),
    )
    .option('--timeout <seconds>', 'how long to wait', option.seconds, 300)
    .addHelpText(
      'after',
      `
converged: the hosts are fresh, Docker answers, no pass failed, nothing is deployed or torn down, and no row is held or contested
running:   every decky runs, by a pass that is not too old
fresh:     the last full pass of every host is not older than three intervals

Exit code: 0 it is so, 4 not within the time-out, 1 any error, 2 wrong usage.`,
    )
    .action((deckies: readonly string[], options: Options) =>
      withApp(context, async (app) => {
        const wanted = { goal: options.for, hosts: options.host ?? [], deckies };
        const until = performance.now() + options.timeout * 1000;
        const report = await app.report();
        // The first check must succeed: a wrong address would otherwise look like a fleet that is not ready.
        let progress = progressOf(await hostsWithDeckies(report, wanted.hosts), wanted);
        while (progress.missing.length > 0) {
          const left = until - performance.now();
          if (left <= 0) throw timedOut(wanted.goal, options.timeout, progress.missing);
          context.progress(`waiting: ${listOf(progress.missing)}`);
          await sleep(Math.min(pollEveryMs, left));
          progress = await hostsWithDeckies(report, wanted.hosts).then(
            (hosts) => progressOf(hosts, wanted),
            (error: unknown) => ({ missing: [reasonOf(error)], text: '' }),
          );
        }
        context.progress(null);
        context.print(`${wanted.goal}: ${progress.text}`);
      }),
    );
};

interface Progress {
  readonly missing: readonly string[];
  /** What is so, once nothing is missing. */
  readonly text: string;
}

const progressOf = (hosts: readonly HostStatus[], wanted: Wanted): Progress => ({
  missing: missingFor(hosts, wanted),
  text: reachedText(hosts, wanted),
});

const timedOut = (goal: Goal, seconds: number, missing: readonly string[]): FleetError =>
  new FleetError('WAIT_TIMED_OUT', `Not ${goal} after ${seconds} s: ${listOf(missing)}`, {
    advice: '`decnet-fleet status --broken` shows more',
  });
