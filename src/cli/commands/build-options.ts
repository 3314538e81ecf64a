import type { Command } from 'commander';
import { parseAddress, parseSubnet } from '../../builder/addresses.ts';
import { allServiceNames, archetypes, distros } from '../../builder/tables.ts';
import { FleetError } from '../../lib/errors.ts';
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

export const addBuildOptions = (command: Command): Command =>
  command
    .description('make deckies of an INI file, or of a few flags: print them, or write a state file')
    .argument('[file]', 'an INI file, or - for the standard input')
    .option('--subnet <cidr>', "where the deckies will be (default: the file's [general] net)", parse.subnet)
    .option('--gateway <ip>', "its gateway (default: the file's [general] gw)", parse.address('--gateway'))
    .option('--host-ip <ip>', "the host's own address", parse.address('--host-ip'))
    .addOption(
      new ListOption(
        '--reserve <ips>',
        'addresses that no decky is given, with commas or given again',
        parse.addresses,
      ),
    )
    .option(
      '--mutate-interval <minutes>',
      "every decky's (default: its section's; of --count: 30)",
      parse.minutes,
    )
    .option('--interface <name>', "with --out (default: the file's [general] interface, or eth0)")
    .option('--host <host>', 'the host that runs them (default: the one whose file it is)', option.host)
    .option('--seed <number>', 'the same number makes the same fleet, to the byte', parse.seed)
    .option('--json', 'print the deckies, though they are written as well')
    .option('--out <file>', 'write a whole state file instead of printing')
    .option('--force', 'with --out: replace the file')
    .option('--strict', 'treat duplicate names as errors')
    .optionsGroup('Instead of a file:')
    .option('--count <number>', 'how many deckies', option.count)
    .addOption(
      new ListOption(
        '--services <names>',
        'the services of each, with commas or given again',
        parse.services,
      ),
    )
    .option('--archetype <slug>', 'what each looks like', parse.archetype)
    .option('--random-services', 'draw the services of each')
    .addOption(
      new ListOption(
        '--distros <slugs>',
        'the distros that take turns, with commas or given again',
        parse.distros,
      ),
    )
    .option('--random-distros', 'draw the distro of each')
    .option('--ip-start <ip>', 'the lowest address to give', parse.address('--ip-start'))
    .addHelpText(
      'after',
      `
Examples:
  $ decnet-fleet build office.ini --subnet 192.168.40.0/24 --gateway 192.168.40.1 --host-ip 192.168.40.2
  $ decnet-fleet build office.ini --host-ip 192.168.40.2 --out decnet-state.json --strict
  $ decnet-fleet build --count 50 --random-services --seed 7 --subnet 10.0.0.0/24 --gateway 10.0.0.1 --host-ip 10.0.0.2`,
    );

const wrong = (what: string): FleetError => new FleetError('CONFIG_INVALID', what);

const notValid = (name: string, text: string, allowed: string): FleetError =>
  new FleetError('CONFIG_INVALID', `${name} "${text}" is not valid`, { advice: `Allowed: ${allowed}` });

const listOf = (text: string): readonly string[] => text.split(',').map((part) => part.trim());

const known = (name: string, names: readonly string[], text: string): string => {
  if (!names.includes(text)) throw notValid(name, text, names.join(', '));
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

/** What the options lack. @param key what `[general]` of the file could have said instead */
export const missing = (name: string, key: string | null): FleetError =>
  wrong(key === null ? `${name} is missing` : `${name} is missing, and the file has no ${key} in [general]`);

/** @throws FleetError CONFIG_INVALID for options that do not go together */
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
  if (file !== undefined && flags.length > 0) throw wrong(`${flags[0]} does not go with a file`);
  if (file === undefined && options.count === undefined) throw wrong('build needs a file, or --count');
  if (options.force && options.out === undefined) throw wrong('--force needs --out');
  if (file !== undefined) return;
  if (options.services === undefined && options.archetype === undefined && !options.randomServices)
    throw wrong('--count needs --services, --archetype or --random-services');
}
