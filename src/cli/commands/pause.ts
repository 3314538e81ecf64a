import type { App } from '../../app/app.ts';
import { requireHost } from '../../app/known-hosts.ts';
import type { PauseStores } from '../../app/pauses.ts';
import { pausedWords } from '../../fleet/pause.ts';
import { givenWho, givenWhy } from '../../fleet/who-why.ts';
import { FleetError } from '../../lib/errors.ts';
import { audited, whoRuns } from '../audited.ts';
import { type Register, withApp } from '../context.ts';
import { option } from '../options.ts';

/** Milliseconds to wait for a pass that is in progress. */
const passWithinMs = 10_000;

interface PauseOptions {
  readonly for?: number;
  readonly until?: string;
  readonly why: string;
  readonly who?: string;
}

/** Pauses the passes of a host, until a time or until somebody resumes it. */
export const pause: Register = (command, context) => {
  command
    .argument('<host>', 'the host', option.host)
    .requiredOption('--why <text>', 'the reason, for everybody who sees the host', givenWhy)
    .option('--for <time>', 'how long, such as 30m or 2h', option.duration)
    .option('--until <time>', 'until when, such as 2026-01-31T12:00Z', option.laterTime)
    .option('--who <name>', 'who does it (default: the user of the operating system)', givenWho)
    .action((host: string, options: PauseOptions) =>
      withApp(context, async (app) => {
        const stores = await storesOf(app);
        const { pauseHost, passEnds } = await import('../../app/pauses.ts');
        const { who, why } = options;
        const end = endOf(options);
        const paused = await audited(app, context, { act: 'pause', host, details: why, who }, async () => {
          await requireHost(app, host);
          const recorded = await pauseHost(stores, host, { by: whoRuns(who), why, end });
          if (recorded === null) throw neverMonitored(host);
          return recorded;
        });
        context.progress(`waiting for the pass of host ${host} …`);
        const isQuiet = await passEnds(stores.backend, host, passWithinMs);
        context.progress(null);
        context.print(
          `Host ${host} is ${pausedWords(paused)}. Jobs wait in its queue. To resume it: decnet-fleet resume ${host}`,
        );
        if (!isQuiet)
          context.note(`A pass of host ${host} had begun before and is still running: it may change rows.`);
      }),
    );
};

/** Resumes the passes of a host, whoever paused them. */
export const resume: Register = (command, context) => {
  command.argument('<host>', 'the host', option.host).action((host: string) =>
    withApp(context, async (app) => {
      const stores = await storesOf(app);
      const { resumeHost } = await import('../../app/pauses.ts');
      const { wasQueuePaused, ended } = await audited(app, context, { act: 'resume', host }, async () => {
        await requireHost(app, host);
        return resumeHost(stores, host);
      });
      if (ended !== null) return context.print(`Host ${host} is resumed. It was ${pausedWords(ended)}.`);
      context.print(
        wasQueuePaused
          ? `Host ${host} is resumed. Its queue was paused without a record of who did it.`
          : `Host ${host} is not paused.`,
      );
    }),
  );
};

const storesOf = async (app: App): Promise<PauseStores> => ({
  pauses: await app.pauses(),
  backend: await app.queues(),
});

function endOf({ for: seconds, until }: PauseOptions) {
  if (seconds !== undefined && until !== undefined)
    throw new FleetError('CONFIG_INVALID', '--for cannot be used with --until', {
      advice: 'Use one of the two',
    });
  if (seconds !== undefined) return { seconds };
  return until === undefined ? null : { at: until };
}

const neverMonitored = (host: string): FleetError =>
  new FleetError('NOT_FOUND', `No worker has ever monitored host ${host}: it has no passes to pause`, {
    advice: 'A worker registers its host when it starts: decnet-fleet worker on that host',
  });
