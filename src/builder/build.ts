import {
  type Address,
  addressText,
  freeAddresses,
  parseAddress,
  parseSubnet,
  type Subnet,
} from './addresses.ts';
import { fleetInvalid, iniInvalid, type Location, shown } from './location.ts';
import { drawNumber, drawOne, drawSome, type Random } from './random.ts';
import { loadIni, type Specification } from './specification.ts';
import type { SpecifiedDecky } from './specified-decky.ts';
import { allServiceNames, archetypes, distros, hostnameWords, isFleetSingleton } from './tables.ts';

/** A decky as DECNET writes it into its state file. @see FLEET_BUILDER.md, section 5 */
export interface BuiltDecky {
  readonly name: string;
  readonly ip: string;
  readonly services: readonly string[];
  readonly distro: string;
  readonly base_image: string;
  readonly build_base: string;
  readonly hostname: string;
  readonly archetype: string | null;
  readonly service_config: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly nmap_os: string;
  /** Minutes. */
  readonly mutate_interval: number | null;
  /** Epoch seconds. */
  readonly last_mutated: number;
  readonly last_login_attempt: number;
  readonly host_uuid: string | null;
}

/** The network of the deckies. */
export interface Network {
  /** `a.b.c.d/len` or `a.b.c.d/mask`. */
  readonly subnet: string;
  readonly gateway: string;
  readonly hostIp: string;
  /** Addresses that are not assigned to deckies. */
  readonly reserved?: readonly string[];
}

export interface IniBuildOptions extends Network {
  /** The mutation interval of every decky in minutes; null: the interval of its section. */
  readonly mutateInterval?: number | null;
  /** The names of custom services that a decky may have. */
  readonly ownServices?: readonly string[];
  readonly random: Random;
  /** The time of the build in epoch seconds, for `last_mutated`. */
  readonly now: number;
}

/** A network with parsed addresses. */
export interface ReadNetwork {
  readonly subnet: Subnet;
  readonly gateway: Address;
  readonly host: Address;
  readonly reserved: ReadonlySet<Address>;
}

/**
 * Parses the addresses of a network.
 * @param locations the locations of the subnet and the gateway in a file, if they come from one
 * @throws FleetError FLEET_INVALID
 */
export function readNetwork(
  { subnet, gateway, hostIp, reserved = [] }: Network,
  locations: { readonly subnet?: Location | null; readonly gateway?: Location | null } = {},
): ReadNetwork {
  const invalid = (what: string, text: string, must: string, at?: Location | null): never => {
    const fault = `${shown(text)} must be ${must}`;
    throw at == null ? fleetInvalid(`${what} ${fault}`) : iniInvalid(at, fault);
  };
  const address = (what: string, text: string, at?: Location | null): Address =>
    parseAddress(text) ?? invalid(what, text, 'an IPv4 address', at);
  return {
    subnet:
      parseSubnet(subnet) ??
      invalid('subnet', subnet, 'an IPv4 network such as 10.0.0.0/24', locations.subnet),
    gateway: address('gateway', gateway, locations.gateway),
    host: address('host address', hostIp),
    reserved: new Set(reserved.map((text) => address('reserved address', text))),
  };
}

/**
 * Builds the fleet that an INI file specifies.
 * @param ini the result of `loadIni`, or a text, which is read with the rules for a string
 * @throws FleetError FLEET_INVALID with file, section and key
 * @see FLEET_BUILDER.md, section 3
 */
export function buildDeckiesFromIni(
  ini: Specification | string,
  options: IniBuildOptions,
): readonly BuiltDecky[] {
  const specification = typeof ini === 'string' ? loadIni(ini) : ini;
  const { random, now, mutateInterval = null } = options;
  const explicit = explicitAddresses(specification);
  // Errors in a network that comes from the file name its location there.
  const { subnet, gateway, host, reserved } = readNetwork(options, {
    subnet: options.subnet === specification.subnet ? specification.subnetAt : null,
    gateway: options.gateway === specification.gateway ? specification.gatewayAt : null,
  });
  const free = freeAddresses(subnet, new Set([...explicit, gateway, host, ...reserved]));
  const known = allServiceNames(options.ownServices);

  return specification.deckies.map((decky, at): BuiltDecky => {
    const archetype = decky.archetype === null ? null : archetypes.get(decky.archetype);
    if (archetype === undefined) {
      throw iniInvalid(
        decky.at.archetype,
        `unknown archetype ${shown(decky.archetype ?? '')}`,
        `Allowed: ${[...archetypes.keys()].join(', ')}`,
      );
    }
    const ip = decky.ip ?? nextFree(free, decky, options.subnet);
    const services = decky.services ?? archetype?.services ?? drawServices(random, known);
    if (decky.services !== null) checkServices(decky, known);
    return {
      name: decky.name,
      ip,
      services,
      ...drawOsProfile(random, cyclicItem(archetype?.distros ?? [...distros.keys()], at)),
      archetype: decky.archetype,
      service_config: Object.fromEntries(decky.serviceConfig),
      nmap_os: decky.nmapOs ?? archetype?.nmapOs ?? 'linux',
      mutate_interval: mutateInterval ?? decky.mutateInterval,
      last_mutated: now,
      last_login_attempt: 0,
      host_uuid: null,
    };
  });
}

const explicitAddresses = ({ deckies }: Specification): readonly Address[] =>
  deckies.flatMap(({ ip, at }) => {
    if (ip === null) return [];
    const address = parseAddress(ip);
    if (address === null) throw iniInvalid(at.ip, `${shown(ip)} must be an IPv4 address`);
    return [address];
  });

function nextFree(free: Iterator<Address, undefined>, { name, at }: SpecifiedDecky, subnet: string): string {
  const { value: address } = free.next();
  if (address === undefined)
    throw iniInvalid(at.section, `no free address is left in ${shown(subnet)} for decky ${shown(name)}`);
  return addressText(address);
}

function checkServices({ services, at }: SpecifiedDecky, known: readonly string[]): void {
  const wrong = (services ?? []).filter((service) => !known.includes(service));
  if (wrong.length === 0) return;
  const reasons = [...new Set(wrong)].map((service) =>
    isFleetSingleton(service) ? `${shown(service)} exists once per fleet` : `${shown(service)} is unknown`,
  );
  throw iniInvalid(at.services, reasons.join(', '), `Allowed: ${known.join(', ')}`);
}

/** Draws one to three different services. */
export const drawServices = (random: Random, known: readonly string[]): readonly string[] =>
  drawSome(random, known, drawNumber(random, 1, Math.min(3, known.length)));

/** The item at an index of a list that begins again after its end. */
export const cyclicItem = <T>(list: readonly T[], at: number): T => list[at % list.length] as T;

/**
 * The distro, images and host name of a decky; the host name is drawn.
 * @param slug the slug of a known distro
 */
export function drawOsProfile(
  random: Random,
  slug: string,
): Pick<BuiltDecky, 'distro' | 'base_image' | 'build_base' | 'hostname'> {
  const distro = distros.get(slug);
  if (distro === undefined)
    throw fleetInvalid(`unknown distro ${shown(slug)}`, `Allowed: ${[...distros.keys()].join(', ')}`);
  const { image, buildBase, hostname } = distro;
  return {
    distro: slug,
    base_image: image,
    build_base: buildBase,
    hostname: hostname(drawOne(random, hostnameWords), {
      number: () => drawNumber(random, 10, 99),
      word: () => drawOne(random, hostnameWords),
    }),
  };
}
