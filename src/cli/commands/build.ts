import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { parseAddress } from '../../builder/addresses.ts';
import { type BuiltDecky, buildDeckiesFromIni, type Network, readNetwork } from '../../builder/build.ts';
import { onHost, stateDocument } from '../../builder/document.ts';
import { allocateAddresses, buildDeckies } from '../../builder/flags.ts';
import { iniInvalid, located, type Warning } from '../../builder/location.ts';
import { type Random, seededRandom } from '../../builder/random.ts';
import { loadIni, type Specification } from '../../builder/specification.ts';
import { warningsOf } from '../../builder/warnings.ts';
import { localHost } from '../../fleet/decky.ts';
import { codeOf, FleetError, reasonOf } from '../../lib/errors.ts';
import type { Context, Register } from '../context.ts';
import { countOf } from '../text.ts';
import { writeWhole } from '../write-file.ts';
import { addBuildOptions, type BuildOptions, checkTogether, missing } from './build-options.ts';

/** The default mutation interval in minutes, of the fleet and of deckies built from flags. @see DECNET's command line */
const usualIntervalMinutes = 30;

interface Built {
  readonly deckies: readonly BuiltDecky[];
  readonly network: Network;
  readonly interface: string | null;
  readonly warnings: readonly Warning[];
}

/** Builds deckies from an INI file or from flags, and prints them or writes a state file. */
export const build: Register = (command, context) => {
  addBuildOptions(command).action(async (file: string | undefined, options: BuildOptions) => {
    checkTogether(file, options);
    const random = seededRandom(options.seed ?? randomInt(2 ** 47));
    // With a seed the output must be reproducible to the byte, so it must not depend on the clock.
    const now = options.seed === undefined ? Date.now() / 1000 : 0;
    const built =
      file === undefined ? fromFlags(options, random) : fromIni(await readText(file), options, random, now);
    printWarnings(context, built.warnings, options.strict === true || options.out !== undefined);
    const host = options.host ?? null;
    const deckies = onHost(built.deckies, host);
    if (options.out !== undefined) {
      await write(options.out, { ...built, deckies }, options);
      if (!options.json)
        context.print(
          `Wrote ${countOf(deckies.length, 'decky')} of host ${host ?? localHost} to ${options.out}`,
        );
    }
    if (options.out === undefined || options.json) context.printJson(deckies);
  });
};

function fromIni(
  { name, text, isStream }: IniText,
  options: BuildOptions,
  random: Random,
  now: number,
): Built {
  const specification = loadIni(text, { file: name, rules: isStream ? 'string' : 'file' });
  const network = networkOf(options, specification);
  const deckies = buildDeckiesFromIni(specification, {
    ...network,
    mutateInterval: options.mutateInterval ?? null,
    ownServices: specification.ownServices.map((service) => service.name),
    random,
    now,
  });
  const { interface: networkInterface } = specification;
  return { deckies, network, interface: networkInterface, warnings: warningsOf(specification, network) };
}

function fromFlags(options: BuildOptions, random: Random): Built {
  const network = networkOf(options, null);
  const from = options.ipStart === undefined ? null : parseAddress(options.ipStart);
  const addresses = allocateAddresses(readNetwork(network), options.count ?? 0, from ?? undefined);
  const deckies = buildDeckies({
    addresses,
    services: options.services ?? null,
    drawServices: options.randomServices === true,
    distros: options.distros ?? null,
    drawDistros: options.randomDistros === true,
    archetype: options.archetype ?? null,
    mutateInterval: options.mutateInterval ?? usualIntervalMinutes,
    random,
  });
  return { deckies, network, interface: null, warnings: [] };
}

/** @throws FleetError CONFIG_INVALID when neither the options nor the file set a required value */
function networkOf(options: BuildOptions, specification: Specification | null): Network {
  const subnet = options.subnet ?? (specification?.subnet || undefined);
  const gateway = options.gateway ?? (specification?.gateway || undefined);
  if (subnet === undefined) throw missing('--subnet', specification && 'net');
  if (gateway === undefined) throw missing('--gateway', specification && 'gw');
  if (options.hostIp === undefined) throw missing('--host-ip', null);
  return { subnet, gateway, hostIp: options.hostIp, reserved: options.reserve ?? [] };
}

interface IniText {
  readonly name: string;
  readonly text: string;
  readonly isStream: boolean;
}

/** @param file a path, or `-` for standard input */
async function readText(file: string): Promise<IniText> {
  const isStream = file === '-';
  const name = isStream ? 'standard input' : file;
  const bytes = await (isStream ? buffer(process.stdin) : readFile(file)).catch((error: unknown) => {
    const isMissing = codeOf(error) === 'ENOENT';
    const what = isMissing ? 'not found' : `cannot be read: ${reasonOf(error)}`;
    throw new FleetError('NOT_FOUND', `${name}: ${what}`, { cause: error });
  });
  try {
    // Keep the byte order mark: DECNET reads it as text and rejects it.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { name, text, isStream };
  } catch {
    throw iniInvalid({ file: name, line: null }, 'is not UTF-8 text');
  }
}

/** Prints the warnings. @param strict whether duplicate names are an error; a pass would reject them */
function printWarnings(context: Context, warnings: readonly Warning[], strict: boolean): void {
  const fatal = (one: Warning): boolean => strict && one.kind === 'duplicate-name';
  for (const one of warnings) {
    if (!fatal(one)) context.note(`decnet-fleet: warning: ${located(one.at, one.what)}`);
  }
  const [first, ...more] = warnings.filter(fatal);
  if (first === undefined) return;
  const others = more.length === 0 ? '' : ` (and ${countOf(more.length, 'more duplicate name')})`;
  throw iniInvalid(first.at, `${first.what}${others}`, 'Nothing was written. Give each decky its own name');
}

/** @throws FleetError when a pass would not accept the state file, or the file cannot be written */
async function write(path: string, built: Built, options: BuildOptions): Promise<void> {
  if (built.deckies.length === 0)
    throw new FleetError('FLEET_INVALID', 'A state file must declare at least one decky', {
      advice: 'Nothing was written',
    });
  const document = stateDocument(built.deckies, {
    host: options.host ?? null,
    interface: options.interface ?? (built.interface || 'eth0'),
    subnet: built.network.subnet,
    gateway: built.network.gateway,
    mutateInterval: options.mutateInterval ?? usualIntervalMinutes,
  });
  const content = `${JSON.stringify(document, null, 2)}\n`;
  const { parseStateFile } = await import('../../state-file/parse.ts');
  await parseStateFile(Buffer.from(content), path, options.host ?? localHost);
  await writeWhole(path, content, options.force === true);
}
