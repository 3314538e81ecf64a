import { type Address, addressText, freeAddresses } from './addresses.ts';
import { type BuiltDecky, cyclicItem, drawOsProfile, drawServices, type ReadNetwork } from './build.ts';
import { fleetInvalid, shown } from './location.ts';
import { drawOne, type Random } from './random.ts';
import { allServiceNames, archetypes, distros } from './tables.ts';

export interface FlagBuildOptions {
  /** The addresses; one decky is built for each. */
  readonly addresses: readonly string[];
  /** The services of every decky. They are not checked, so a fleet singleton is accepted. */
  readonly services?: readonly string[] | null;
  /** Whether to draw the services of each decky when neither services nor an archetype is given. */
  readonly drawServices?: boolean;
  readonly distros?: readonly string[] | null;
  readonly drawDistros?: boolean;
  readonly archetype?: string | null;
  /** Minutes. */
  readonly mutateInterval?: number | null;
  /** The names of custom services that may be drawn. */
  readonly ownServices?: readonly string[];
  readonly random: Random;
}

/** The maximum number of draws to find a set of services that no other decky has. */
const maxDraws = 21;

/**
 * Builds a fleet from options: `decky-01`, `decky-02` …
 * @throws FleetError FLEET_INVALID
 * @see FLEET_BUILDER.md, section 4
 */
export function buildDeckies(options: FlagBuildOptions): readonly BuiltDecky[] {
  const { addresses, random, archetype: slug = null, mutateInterval = null } = options;
  const archetype = archetypeOf(slug);
  const slugs = resolveDistros(
    options.distros ?? null,
    options.drawDistros ?? false,
    addresses.length,
    slug,
    random,
  );
  const services = servicesFor(options, archetype?.services ?? null);
  return addresses.map((ip, at) => ({
    name: `decky-${String(at + 1).padStart(2, '0')}`,
    ip,
    services: services(),
    ...drawOsProfile(random, slugs[at] as string),
    archetype: slug,
    service_config: {},
    nmap_os: archetype?.nmapOs ?? 'linux',
    mutate_interval: mutateInterval,
    last_mutated: 0,
    last_login_attempt: 0,
    host_uuid: null,
  }));
}

/** Returns a function that returns the services of the next decky. */
function servicesFor(
  options: FlagBuildOptions,
  ofArchetype: readonly string[] | null,
): () => readonly string[] {
  const { services, drawServices: isDrawn = false, random } = options;
  if (services != null && services.length > 0) return () => services;
  if (ofArchetype !== null) return () => ofArchetype;
  if (!isDrawn)
    throw fleetInvalid('the deckies have no services', 'Set services, an archetype or random services');
  const known = allServiceNames(options.ownServices);
  const used = new Set<string>();
  return () => {
    let drawn: readonly string[] = [];
    let key = '';
    for (let draw = 0; draw < maxDraws; draw++) {
      drawn = drawServices(random, known);
      key = [...drawn].sort().join(',');
      if (!used.has(key)) break;
    }
    used.add(key);
    return drawn;
  };
}

/**
 * The slugs of the distros of `n` deckies: the explicit ones in rotation, else random ones, else those of the archetype in
 * rotation, else all in rotation.
 * @param explicit slugs, which are not checked; null or empty: none
 * @param archetype a slug, or null
 * @throws FleetError FLEET_INVALID for an unknown archetype
 * @see FLEET_BUILDER.md, "The other two exports"
 */
export function resolveDistros(
  explicit: readonly string[] | null,
  randomize: boolean,
  n: number,
  archetype: string | null,
  random: Random,
): readonly string[] {
  const all = [...distros.keys()];
  const repeated = (list: readonly string[]): readonly string[] =>
    Array.from({ length: n }, (_, at) => cyclicItem(list, at));
  if (explicit !== null && explicit.length > 0) return repeated(explicit);
  if (randomize) return Array.from({ length: n }, () => drawOne(random, all));
  return repeated(archetypeOf(archetype)?.distros ?? all);
}

function archetypeOf(slug: string | null) {
  if (slug === null) return null;
  const found = archetypes.get(slug);
  if (found === undefined)
    throw fleetInvalid(`unknown archetype ${shown(slug)}`, `Allowed: ${[...archetypes.keys()].join(', ')}`);
  return found;
}

/**
 * The first `count` free addresses, in ascending order.
 * @param from the lowest address to assign
 * @throws FleetError FLEET_INVALID when there are too few
 */
export function allocateAddresses(
  { subnet, gateway, host, reserved }: ReadNetwork,
  count: number,
  from: Address = subnet.first,
): readonly string[] {
  const found = freeAddresses(subnet, new Set([gateway, host, ...reserved]), from)
    .take(count)
    .toArray();
  if (found.length < count)
    throw fleetInvalid(`${count} addresses are needed, but only ${found.length} are free in the subnet`);
  return found.map(addressText);
}
