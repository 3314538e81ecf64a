import { incidentSummary, nextText } from '../../fleet/incidents/summary.ts';
import { incidentMarks, silenceText } from '../../fleet/silences/words.ts';
import { ageOf } from '../../lib/age.ts';
import { FleetError } from '../../lib/errors.ts';
import type { IncidentView } from '../../views/incidents.ts';
import type { SilenceView } from '../../views/silences.ts';
import { type Register, withApp } from '../context.ts';
import { option, time } from '../options.ts';
import { severityText } from '../status/incidents.ts';
import { ago, type Screen } from '../text.ts';

interface Options {
  readonly open?: true;
  readonly since?: string;
  readonly limit: number;
  readonly json?: true;
}

const dayMs = 86_400_000;

/** Prints the incidents. */
export const incidents: Register = (command, context) => {
  command
    .option('--open', 'only what is wrong now')
    .option(
      '--since <time>',
      'also what has ended since then: a time (2026-01-31T12:00Z) or an age (30s, 12h, 7d)',
      time,
    )
    .option('--limit <count>', 'the maximum number of incidents to print', option.count, 100)
    .option('--json', 'print JSON')
    .action(({ open, since, limit, json }: Options) =>
      withApp(context, async (app) => {
        if (open && since !== undefined)
          throw new FleetError('CONFIG_INVALID', '--open cannot be used with --since', {
            advice: '--open prints what is wrong now, whenever it began',
          });
        const report = await app.report();
        const found = await report.incidents({
          open: open === true,
          since: since ?? new Date(Date.now() - dayMs).toISOString(),
          limit,
        });
        if (json) return context.printJson({ incidents: found });
        const [now, before] = [found.filter(isOpen), found.filter((one) => !isOpen(one))];
        if (now.length === 0) context.print('No incident is open.');
        for (const one of now) context.print(openText(context.screen, one));
        const silences = (await report.silences({ ended: false })).filter(isActive);
        if (silences.length > 0)
          context.print(
            `\nSilenced:\n${silences.map((one) => `  ${one.id}  ${silenceText(one)}`).join('\n')}`,
          );
        if (before.length > 0) context.print(`\nEnded:\n${before.map(endedText).join('\n')}`);
        if (found.length === limit) context.note(`Only ${limit} incidents are shown; use --limit for more.`);
      }),
    );
};

const isActive = ({ active_until: until }: SilenceView): boolean => until !== null;
const isOpen = ({ closed_at: at }: IncidentView): boolean => at === null;

const openText = (screen: Screen, one: IncidentView): string =>
  [
    `${severityText(screen, one.severity)}  ${one.cause}`,
    `  ${incidentSummary(one)}; since ${ago(one.since)}`,
    ...incidentMarks(one).map((mark) => `  ${mark}`),
    `  ${nextText(one.next)}`,
    `  Id: ${one.id}`,
  ].join('\n');

const endedText = (one: IncidentView): string =>
  `  ${ago(one.closed_at)}  ${one.cause}  (${incidentSummary(one)}; lasted ${ageOf(one.duration_s * 1000)}${one.resolution === 'covered' ? '; became part of another one' : ''})`;
