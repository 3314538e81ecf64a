import type { App } from '../../app/app.ts';
import { requireDecky, requireHost } from '../../app/known-hosts.ts';
import { isFleetState } from '../../fleet/state.ts';
import { FleetError } from '../../lib/errors.ts';
import type { Transition } from '../../views/report.ts';
import { type Register, withApp } from '../context.ts';
import { option } from '../options.ts';
import { ago, type Screen, stateText, table, withMeaning } from '../text.ts';

interface Options {
  readonly host?: string;
  readonly decky?: string;
  readonly since?: string;
  readonly limit: number;
  readonly json?: true;
}

/** Prints the transitions and gaps. */
export const history: Register = (program, context) => {
  program
    .command('history')
    .description('show what changed, when and why, newest first')
    .option('--host <host>', 'only this host', option.host)
    .option('--decky <name>', 'only this decky')
    .option('--since <time>', 'a time (2026-01-31T12:00Z) or an age (30s, 15m, 12h, 7d)', since)
    .option('--limit <count>', 'the maximum number of changes to print', option.count, 100)
    .option('--json', 'print JSON')
    .action((options: Options) =>
      withApp(context, async (app) => {
        const found = await (await app.report()).history({
          host: options.host ?? null,
          decky: options.decky ?? null,
          since: options.since ?? null,
          limit: options.limit,
        });
        if (found.transitions.length === 0 && found.gaps.length === 0) await mustExist(app, options);
        if (options.json) return context.printJson(found);
        const lines = [
          ...found.transitions.map((one) => ({ at: one.at, row: transition(context.screen, one) })),
          ...found.gaps.map((gap) => ({
            at: gap.to_at,
            row: [
              ago(gap.to_at),
              gap.host_uuid,
              '',
              'gap',
              `not monitored from ${gap.from_at} to ${gap.to_at}`,
            ],
          })),
        ].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
        context.print(
          lines.length === 0
            ? 'The history has no changes.'
            : table(
                context.screen,
                lines.map(({ row }) => row),
              ),
        );
        if (found.transitions.length === options.limit)
          context.note(`Only the newest ${options.limit} changes are shown; use --limit for more.`);
      }),
    );
};

/** @throws FleetError NOT_FOUND for an unknown host or decky */
async function mustExist(app: App, { host, decky }: Options): Promise<void> {
  if (decky !== undefined) return requireDecky(app, host ?? null, decky);
  if (host !== undefined) await requireHost(app, host);
}

function transition(
  screen: Screen,
  { at, host_uuid, name, from_state: from, to_state: to, reason }: Transition,
): string[] {
  const arrow = screen.unicode ? '→' : '->';
  const state = (word: string | null): string =>
    word === null ? 'nothing' : isFleetState(word) ? stateText({ ...screen, glyphs: false }, word) : word;
  const what = from === to ? `${state(to)}, content` : `${state(from)} ${arrow} ${state(to)}`;
  return [ago(at), host_uuid, name, what, withMeaning(reason)];
}

const units = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Parses a time or an age. @returns ISO 8601 @throws FleetError CONFIG_INVALID */
function since(text: string): string {
  const age = /^(\d{1,6})\s*([smhd])$/.exec(text);
  const at =
    age === null
      ? /^\d{4}-\d\d-\d\d/.test(text)
        ? Date.parse(text)
        : Number.NaN
      : Date.now() - Number(age[1]) * units[age[2] as keyof typeof units] * 1000;
  if (Number.isNaN(at)) {
    throw new FleetError('CONFIG_INVALID', `--since "${text}" is not a time`, {
      advice: 'Allowed: 2026-01-31, 2026-01-31T12:00Z, or an age such as 30s, 15m, 12h, 7d',
    });
  }
  return new Date(at).toISOString();
}
