import { momentText, silenceText } from '../../fleet/silences/words.ts';
import { givenWho } from '../../fleet/who-why.ts';
import { FleetError } from '../../lib/errors.ts';
import type { SilenceView } from '../../views/silences.ts';
import { audited, whoRuns } from '../audited.ts';
import { type Register, withApp } from '../context.ts';
import { option } from '../options.ts';
import { ago } from '../text.ts';

/** Prints the silences. */
export const silences: Register = (command, context) => {
  command
    .option('--all', 'also those that are over')
    .option('--json', 'print JSON')
    .action(({ all, json }: { all?: true; json?: true }) =>
      withApp(context, async (app) => {
        const found = await (await app.report()).silences({ ended: all === true });
        if (json) return context.printJson({ silences: found });
        if (found.length === 0) context.print('Nothing is silenced.');
        for (const one of found) context.print(`${one.id}  ${stateOf(one)}  ${silenceText(one)}`);
      }),
    );
};

function stateOf({ active_until, ended_at, ended_by, until }: SilenceView): string {
  if (active_until !== null) return `active until ${momentText(active_until)}`;
  if (ended_at !== null) return `ended ${ago(ended_at)} by ${ended_by}`;
  return Date.parse(until) > Date.now() ? 'not active now' : 'over';
}

/** Ends a silence. */
export const unsilence: Register = (command, context) => {
  command
    .argument('<id>', 'its number, as `silences` lists it', option.count)
    .option('--who <name>', 'who does it (default: the user of the operating system)', givenWho)
    .action((id: number, { who }: { who?: string }) =>
      withApp(context, async (app) => {
        await audited(app, context, { act: 'unsilence', target: `silence ${id}`, who }, async () => {
          if (!(await (await app.silences()).end(id, whoRuns(who))))
            throw await unknownSilence(id, await (await app.report()).silences({ ended: true }));
        });
        context.print(`Silence ${id} is over. What is still open is sent, and a summary of what was missed.`);
      }),
    );
};

function unknownSilence(id: number, all: readonly SilenceView[]): FleetError {
  const current = all.filter(({ ended_at, until }) => ended_at === null && Date.parse(until) > Date.now());
  const isOver = all.some((one) => one.id === id);
  return new FleetError('NOT_FOUND', isOver ? `Silence ${id} is over already` : `There is no silence ${id}`, {
    advice:
      current.length === 0
        ? 'Nothing is silenced now'
        : `Silences: ${current.map((one) => one.id).join(', ')}; \`decnet-fleet silences\` lists them`,
  });
}
