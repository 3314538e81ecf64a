import type { App } from '../../app/app.ts';
import { requireHost } from '../../app/known-hosts.ts';
import { type Filter, noFilter } from '../../fleet/filter/term.ts';
import { fleetStates } from '../../fleet/state.ts';
import { FleetError } from '../../lib/errors.ts';
import { type Context, type Register, untilStopped, withApp } from '../context.ts';
import { brokenExit } from '../failure.ts';
import { ChoiceOption, ListOption, option } from '../options.ts';
import { type Form, forms, type Shown, textOf } from '../status/forms.ts';
import { openIncidents } from '../status/incidents.ts';
import { hostsWithDeckies } from '../status/read.ts';
import { anyBroken, type SortKey, selected, sortKeys } from '../status/selection.ts';
import { onScreen } from '../text.ts';
import { watch } from '../watch.ts';

interface Options {
  readonly host?: readonly string[];
  readonly state?: readonly (typeof fleetStates)[number][];
  readonly service?: readonly string[];
  readonly filter?: Filter;
  readonly broken?: true;
  readonly sort?: SortKey;
  readonly output?: Form;
  readonly json?: true;
  readonly all?: true;
  /** Seconds; true: the default. */
  readonly watch?: number | true;
  readonly exitCode?: true;
}

const watchSeconds = 2;

/** Prints the fleet: first the sums, then the deckies that were asked for, broken ones first. */
export const status: Register = (command, context) => {
  command
    .addOption(new ListOption('--host <hosts>', 'only these hosts', option.listOf(option.host)))
    .option('--broken', 'only what is broken: deckies, and hosts that are not observed')
    .addOption(
      new ListOption(
        '--state <states>',
        'only deckies in these states',
        option.listOf((text) => option.oneOf(fleetStates, text)),
        fleetStates,
      ),
    )
    .addOption(
      new ListOption('--service <names>', 'only deckies with one of these services', option.listOf()),
    )
    .option('--filter <text>', "only what a filter chooses, such as 'state:failed host:nyc-*'", option.filter)
    .addOption(new ChoiceOption('--sort <key>', 'the order', sortKeys))
    .addOption(new ChoiceOption('-o, --output <form>', 'the form', forms))
    .option('--json', 'the same as -o json')
    .option('--all', 'list running deckies even on hosts that have many')
    .option('--watch [seconds]', `show it again every ${watchSeconds} s, or at this interval`, option.seconds)
    .option('--exit-code', `exit ${brokenExit} if anything of what is shown is broken`)
    .addHelpText('after', '\nA list is comma-separated, or the option is repeated.')
    .action((options: Options) => {
      checkTogether(options);
      return withApp(context, (app) => run(app, context, options));
    });
};

async function run(app: App, context: Context, options: Options): Promise<void> {
  const form = options.json ? 'json' : (options.output ?? 'table');
  if (options.watch !== undefined) {
    const everyMs = (options.watch === true ? watchSeconds : options.watch) * 1000;
    return watch(context, { everyMs, stopped: untilStopped(app.log) }, async (screen) =>
      textOf(form, screen, await shownNow(app, options)),
    );
  }
  const shown = await shownNow(app, options);
  const text = await textOf(form, context.screen, shown);
  context.write(form === 'table' || form === 'wide' ? onScreen(text) : text);
  if (options.exitCode && anyBroken(shown.hosts)) context.exitCode = brokenExit;
}

/** Reads the hosts and deckies. @throws FleetError NOT_FOUND for an unknown host */
async function shownNow(app: App, options: Options): Promise<Shown> {
  const names = options.host ?? [];
  const report = await app.report();
  const scope = await hostsWithDeckies(report, names);
  for (const name of names)
    if (!scope.some(({ host_uuid }) => host_uuid === name)) await requireHost(app, name);
  const selection = {
    states: options.state ?? [],
    services: options.service ?? [],
    filter: options.filter ?? noFilter,
    isBrokenOnly: options.broken === true,
    sort: options.sort ?? null,
  };
  const incidents = await openIncidents(report, names);
  return { scope, incidents, hosts: selected(scope, selection), selection, all: options.all === true };
}

function checkTogether({ json, output, watch: seconds, exitCode }: Options): void {
  if (json && output !== undefined && output !== 'json') throw together('--json', `-o ${output}`);
  const form = json ? 'json' : output;
  if (seconds === undefined) return;
  if (exitCode) throw together('--watch', '--exit-code');
  if (form !== undefined && form !== 'table' && form !== 'wide') throw together('--watch', `-o ${form}`);
}

const together = (one: string, other: string): FleetError =>
  new FleetError('CONFIG_INVALID', `${one} cannot be used with ${other}`);
