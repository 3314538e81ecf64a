import type { Command } from 'commander';
import { parseAddress, parseSubnet } from '../../builder/addresses.ts';
import { allServiceNames, archetypes, distros } from '../../builder/tables.ts';
import { FleetError } from '../../lib/errors.ts';
import { didYouMean } from '../../lib/similar.ts';
import { ListOption, option } from '../options.ts';

export interface BuildOptions {
  readonly subnet?: string;
  readonly gateway?: string;
  readonly hostIp?: string;
  readonly reserve?: readonly string[];
  readonly mutateInterval?: number;
  readonly interface?: string;
  readonly host?: string;
  readonly seed?: number;
  readonly json?: true;
  readonly out?: string;
  readonly force?: true;
  readonly strict?: true;
  readonly count?: number;
  readonly services?: readonly string[];
  readonly archetype?: string;
  readonly randomServices?: true;
  readonly distros?: readonly string[];
  readonly randomDistros?: true;
  readonly ipStart?: string;
}

export const addBuildOptions = (command: Command): Command => addFlags(addCommon(describe(command)));

const describe = (command: Command): Command =>
  command.argument('[file]', 'an INI file, or - for standard input');

/** The options for both sources: a file, or flags. */
const addCommon = (command: Command): Command =>
  command
    .option('--subnet <cidr>', "the deckies' network (default: the file's [general] net)", parse.subnet)
    .option(
      '--gateway <ip>',
      "the network's gateway (default: the file's [general] gw)",
      parse.address('--gateway'),
    )
    .option('--host-ip <ip>', "the host's own address", parse.address('--host-ip'))
    .addOption(
      new ListOption(
        '--reserve <ips>',
        'addresses not to assign; comma-separated, or repeat the option',
        parse.addresses,
      ),
    )
    .option(
      '--mutate-interval <minutes>',
      "the mutation interval of every decky (default: its section's; with --count: 30)",
      parse.minutes,
    )
    .option(
      '--interface <name>',
      "with --out: the network interface (default: the file's [general] interface, or eth0)",
    )
    .option(
      '--host <host>',
      'the host that runs the deckies (default: the host that has the state file)',
      option.host,
    )
    .option(
      '--seed <number>',
      'make the output reproducible: the same seed builds the same fleet',
      parse.seed,
    )
    .option('--json', 'with --out: also print the deckies')
    .option('--out <file>', 'write a complete state file instead of printing')
    .option('--force', 'with --out: replace an existing file')
    .option('--strict', 'treat duplicate names as errors');

/** The options that stand in for a file. */
const addFlags = (command: Command): Command =>
  command
    .optionsGroup('Instead of a file:')
    .option('--count <number>', 'the number of deckies', option.count)
    .addOption(
      new ListOption(
        '--services <names>',
        'the services of each decky; comma-separated, or repeat the option',
        parse.services,
      ),
    )
    .option('--archetype <slug>', 'the archetype of each decky', parse.archetype)
    .option('--random-services', 'choose the services of each decky at random')
    .addOption(
      new ListOption(
        '--distros <slugs>',
        'the distros to rotate through; comma-separated, or repeat the option',
        parse.distros,
      ),
    )
    .option('--random-distros', 'choose the distro of each decky at random')
    .option('--ip-start <ip>', 'the lowest address to assign', parse.address('--ip-start'));

const wrong = (what: string): FleetError => new FleetError('CONFIG_INVALID', what);

const notValid = (name: string, text: string, allowed: string, before = ''): FleetError =>
  new FleetError('CONFIG_INVALID', `${name} "${text}" is not valid`, {
    advice: `${before}Allowed: ${allowed}`,
  });

const listOf = (text: string): readonly string[] => text.split(',').map((part) => part.trim());

const known = (name: string, names: readonly string[], text: string): string => {
  if (!names.includes(text)) throw notValid(name, text, names.join(', '), didYouMean(text, names));
  return text;
};

const number = (name: string, text: string, from: number, to: number): number => {
  const found = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(found >= from && found <= to)) throw notValid(name, text, `a whole number from ${from} to ${to}`);
  return found;
};

const address =
  (name: string) =>
  (text: string): string => {
    if (parseAddress(text) === null) throw notValid(name, text, 'an IPv4 address');
    return text;
  };

const parse = {
  subnet: (text: string): string => {
    if (parseSubnet(text) === null) throw notValid('--subnet', text, 'an IPv4 network such as 10.0.0.0/24');
    return text;
  },
  address,
  addresses: (text: string): readonly string[] =>
    listOf(text)
      .filter((part) => part !== '')
      .map(address('--reserve')),
  minutes: (text: string): number => number('--mutate-interval', text, 1, 100_000_000),
  seed: (text: string): number => number('--seed', text, 0, 999_999_999_999_999),
  services: (text: string): readonly string[] =>
    listOf(text).map((part) => known('--services', allServiceNames(), part)),
  archetype: (text: string): string => known('--archetype', [...archetypes.keys()], text),
  distros: (text: string): readonly string[] =>
    listOf(text).map((part) => known('--distros', [...distros.keys()], part)),
} as const;

/** The error for a missing option. @param key the key of `[general]` in the file that could have set it; null: none */
export const missing = (name: string, key: string | null): FleetError =>
  wrong(key === null ? `${name} is missing` : `${name} is missing, and the file has no ${key} in [general]`);

/** @throws FleetError CONFIG_INVALID for options that cannot be combined */
export function checkTogether(file: string | undefined, options: BuildOptions): void {
  const flags = (
    [
      ['--count', options.count],
      ['--services', options.services],
      ['--archetype', options.archetype],
      ['--random-services', options.randomServices],
      ['--distros', options.distros],
      ['--random-distros', options.randomDistros],
      ['--ip-start', options.ipStart],
    ] as const
  ).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (file !== undefined && flags.length > 0) throw wrong(`${flags[0]} cannot be used with a file`);
  if (file === undefined && options.count === undefined) throw wrong('build requires a file or --count');
  if (options.force && options.out === undefined) throw wrong('--force requires --out');
  if (file !== undefined) return;
  if (options.services === undefined && options.archetype === undefined && !options.randomServices)
    throw wrong('--count requires --services, --archetype or --random-services');
}
