import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from '../../app/app.ts';
import { requireDecky, requireHost } from '../../app/known-hosts.ts';
import { type Filter, noFilter } from '../../fleet/filter/term.ts';
import { isFleetState } from '../../fleet/state.ts';
import { reasonOf } from '../../lib/errors.ts';
import { withoutSecrets } from '../../lib/mask.ts';
import { outageLog } from '../../lib/outage-log.ts';
import { escapedJson } from '../../lib/text.ts';
import type { Gap, HistoryFilter, Transition } from '../../views/report.ts';
import { type Context, type Register, untilStopped, withApp } from '../context.ts';
import { type Change, follower } from '../follow.ts';
import { option, time } from '../options.ts';
import { ago, onScreen, paint, type Screen, stateText, table, withMeaning } from '../text.ts';

interface Options {
  readonly host?: string;
  readonly decky?: string;
  readonly filter?: Filter;
  readonly since?: string;
  readonly limit?: number;
  readonly follow?: true;
  readonly json?: true;
}

/** The maximum number of changes, and of earlier ones with `--follow`. */
const usually = { limit: 100, following: 10 };

/** Prints the transitions and gaps. */
export const history: Register = (command, context) => {
  command
    .option('--host <host>', 'only this host', option.host)
    .option('--decky <name>', 'only this decky')
    .option('--filter <text>', "only what a filter chooses, such as 'state:failed host:nyc-*'", option.filter)
    .option('--since <time>', 'a time (2026-01-31T12:00Z) or an age (30s, 15m, 12h, 7d)', time)
    .option(
      '--limit <count>',
      `the maximum number of changes (default: ${usually.limit}; with --follow: ${usually.following} earlier ones)`,
      option.count,
    )
    .option('--follow', 'print new changes as they happen, until stopped')
    .option('--json', 'print JSON; with --follow one object a line')
    .action((options: Options) =>
      withApp(context, (app) =>
        options.follow ? follow(app, context, options) : show(app, context, options),
      ),
    );
};

const filterOf = ({ host, decky, filter, since, limit, follow: isFollowing }: Options): HistoryFilter => ({
  host: host ?? null,
  decky: decky ?? null,
  filter: filter ?? noFilter,
  since: since ?? null,
  limit: limit ?? (isFollowing ? usually.following : usually.limit),
});

async function show(app: App, context: Context, options: Options): Promise<void> {
  const filter = filterOf(options);
  const found = await (await app.report()).history(filter);
  if (found.transitions.length === 0 && found.gaps.length === 0) await mustExist(app, options);
  if (options.json) return context.printJson(found);
  const lines = [
    ...found.transitions.map((one) => ({
      at: one.at,
      row: [ago(one.at), ...transition(context.screen, one)],
    })),
    ...found.gaps.map((gap) => ({ at: gap.to_at, row: [ago(gap.to_at), ...gapRow(gap)] })),
  ].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  context.print(
    lines.length === 0
      ? options.filter === undefined
        ? 'The history has no changes.'
        : 'No change matches the filter.'
      : table(
          context.screen,
          lines.map(({ row }) => row),
        ),
  );
  if (found.transitions.length === filter.limit)
    context.note(`Only the newest ${filter.limit} changes are shown; use --limit for more.`);
}

/** Milliseconds between two checks. */
const pollEveryMs = 1000;

/** Prints the newest changes, then each new one, until the process is stopped. An outage of the database is reported once. */
async function follow(app: App, context: Context, options: Options): Promise<void> {
  const stopping = new AbortController();
  void untilStopped(app.log).then(() => stopping.abort());
  const changes = follower(await app.report(), filterOf(options));
  const say = (found: readonly Change[]): void => {
    for (const one of found)
      context.write(
        options.json ? `${escapedJson(JSON.stringify(one))}\n` : `${onScreen(lineOf(context, one))}\n`,
      );
  };
  const first = await changes.start();
  if (first.length === 0) await mustExist(app, options);
  say(first);
  const outage = outageLog(
    (error) => context.note(`decnet-fleet: ${withoutSecrets(reasonOf(error))}. Retrying`),
    () => context.note('decnet-fleet: the database answers again'),
  );
  while (!stopping.signal.aborted) {
    await sleep(pollEveryMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    if (stopping.signal.aborted) return;
    try {
      say(await changes.next());
      outage.works();
    } catch (error) {
      outage.failed(error);
    }
  }
}

/** A line that stays on the screen has a time and no age. */
function lineOf({ screen }: Context, change: Change): string {
  const at = change.kind === 'gap' ? change.to_at : change.at;
  const row = change.kind === 'gap' ? gapRow(change) : transition(screen, change);
  const time = paint(screen, 'gray', `${at.slice(0, 19)}Z`);
  return [time, ...row].filter((cell) => cell !== '').join('  ');
}

const gapRow = ({ host_uuid, from_at, to_at }: Gap): readonly string[] => [
  host_uuid,
  '',
  'gap',
  `not monitored from ${from_at} to ${to_at}`,
];

/** @throws FleetError NOT_FOUND for an unknown host or decky */
async function mustExist(app: App, { host, decky }: Options): Promise<void> {
  if (decky !== undefined) return requireDecky(app, host ?? null, decky);
  if (host !== undefined) await requireHost(app, host);
}

function transition(
  screen: Screen,
  { host_uuid, name, from_state: from, to_state: to, reason }: Transition,
): readonly string[] {
  const arrow = screen.unicode ? '→' : '->';
  const state = (word: string | null): string =>
    word === null ? 'nothing' : isFleetState(word) ? stateText({ ...screen, glyphs: false }, word) : word;
  const what = from === to ? `${state(to)}, content` : `${state(from)} ${arrow} ${state(to)}`;
  return [host_uuid, name, what, withMeaning(reason)];
}
