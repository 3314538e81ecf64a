import { withItem } from '../../lib/short-list.ts';
import { expectedServices, matchesServiceName } from '../decky.ts';

/** A container as Docker lists it. */
export interface Container {
  readonly name: string;
  /** Label `decnet.fleet.decky`; null: unlabelled. */
  readonly decky: string | null;
  /** Label `decnet.fleet.service_name`. */
  readonly service: string | null;
  /** Whether it belongs to DECNET's Compose project: its base containers have no other label. */
  readonly isOfDecnet: boolean;
  /** Whether it belongs to a topology. It is never a decky's, whatever its name. @see CONTRACT.md, "A living host", a */
  readonly isOfTopology: boolean;
  /** Docker's own word: `running`, `exited`, `paused`, … */
  readonly state: string;
  readonly exitCode: number | null;
  readonly unhealthy: boolean;
  /** Epoch seconds. */
  readonly createdAt: number;
  /** For how long at least it has been running, or has ended, in seconds; null: unknown. */
  readonly ageSeconds: number | null;
  readonly loop: Loop;
  readonly network: Network;
  /** The name of the container whose network it uses; null: it has its own, or the other one is not listed. */
  readonly owner: string | null;
  /** Docker started it before its base, so it could not join the network, and does not try again. */
  readonly startedBeforeBase: boolean;
}

/**
 * `own`: no other container's. `shared`: that of a container which has not been started since. `cut off`: that of one which
 * is gone, or was started again, so that nobody reaches it. `unverified`: it shares one, and the starts are not known yet.
 */
export type Network = 'own' | 'shared' | 'cut off' | 'unverified';

/**
 * Whether a container is caught in a restart loop. `suspect`: it may be, and was not inspected this time.
 * `endsIn`: seconds until its window is over, unless it restarts once more.
 */
export type Loop =
  | { readonly kind: 'none' }
  | { readonly kind: 'suspect' }
  | { readonly kind: 'loop'; readonly endsIn: number | null };

/** The containers found for one decky. */
export interface ContainerMatch {
  readonly base: Container | null;
  readonly services: ReadonlyMap<string, Container>;
  /** Labelled as the decky's, of no service that it should have. */
  readonly strays: readonly Container[];
  /** Any container of a service answers, one that counts for nothing included. */
  readonly anyServiceRuns: boolean;
}

const nothing: ContainerMatch = { base: null, services: new Map(), strays: [], anyServiceRuns: false };

/** Whether an attacker can reach it. @see CONTRACT.md, "A living host", b */
export const isRunning = (container: Container): boolean =>
  container.state === 'running' && container.network !== 'cut off';

/** Runs, or will again in a moment: a looping container answers now and then, at whatever instant it is seen. */
export const answers = (container: Container): boolean =>
  isRunning(container) || (container.loop.kind === 'loop' && container.network !== 'cut off');

/** The services of every decky of the host. */
export interface Known {
  get(decky: string): readonly string[] | undefined;
}

/**
 * Finds the decky of each container: labels first, since they are exact; a name only among the unlabelled, since decky
 * `web` with service `ssh-http` and decky `web-ssh` with service `http` share one.
 * @see DOMAIN.md, "Containers of a decky"
 */
export class ContainerIndex {
  readonly #known: Known;
  readonly #byDecky = new Map<string, Container[]>();

  constructor(known: Known) {
    this.#known = known;
  }

  /** Adds a container, in the order in which Docker listed it. */
  add(container: Container): void {
    if (container.isOfTopology) return;
    const owner =
      container.decky ??
      ownerByName(container.name, this.#known) ??
      // The base of a decky that nobody declares: it has the decky's name.
      (container.isOfDecnet && container.network === 'own' ? container.name : null);
    if (owner === null) return;
    const found = this.#byDecky.get(owner) ?? [];
    const all = withItem(found, container);
    if (all !== found) this.#byDecky.set(owner, all);
  }

  /**
   * The containers of a decky. Matches are made on request: those of a large host are never all in memory.
   * @param services default: those that are known
   */
  matchOf(decky: string, services: readonly string[] | undefined = this.#known.get(decky)): ContainerMatch {
    const found = this.#byDecky.get(decky);
    return services === undefined || found === undefined ? nothing : matchOf(decky, services, found);
  }

  /** The containers of each decky, known or not. */
  byDecky(): ReadonlyMap<string, readonly Container[]> {
    return this.#byDecky;
  }
}

/** Whether an attacker reaches a decky: its base, and with it at least one service. @see CONTRACT.md, rule 3 */
export const isReached = (match: ContainerMatch, services: readonly string[]): boolean =>
  match.base !== null &&
  answers(match.base) &&
  (expectedServices(services).length === 0 || match.anyServiceRuns);

/** The index of a whole listing. */
export function indexContainers(containers: readonly Container[], known: Known): ContainerIndex {
  const index = new ContainerIndex(known);
  for (const container of containers) index.add(container);
  return index;
}

/** @param found the decky's containers, by label or by name, as Docker listed them */
function matchOf(decky: string, services: readonly string[], found: readonly Container[]): ContainerMatch {
  let base: Container | null = null;
  const ofService = new Map<string, Container>();
  const strays: Container[] = [];
  for (const container of found) {
    if (container.decky === null) continue;
    if (container.service === null || !services.includes(container.service)) strays.push(container);
    else keepBetter(ofService, container.service, container);
  }
  for (const container of found) {
    if (container.decky !== null) continue;
    const service = serviceByName(container.name, decky, services);
    if (service === null) base = container;
    // A labelled container of that service was taken first and stays.
    else if ((ofService.get(service)?.decky ?? null) === null) keepBetter(ofService, service, container);
  }
  const anyServiceRuns = found.some((container) => container !== base && answers(container));
  return { base, services: ofService, strays, anyServiceRuns };
}

/** Two containers of one service (one left over from a deploy): the one that runs, else the newer. */
export function keepBetter(services: Map<string, Container>, service: string, container: Container): void {
  const other = services.get(service);
  const better =
    other === undefined ||
    (isRunning(container) !== isRunning(other)
      ? isRunning(container)
      : container.createdAt > other.createdAt);
  if (better) services.set(service, container);
}

/**
 * The other deckies that may own containers which have the names of some deckies: an unlabelled container `web-ssh` may be
 * `web`'s ssh or the base of a decky `web-ssh`.
 * @param only the deckies that a pass is about
 */
export function rivalsOf(only: ReadonlySet<string>, containers: readonly Container[]): readonly string[] {
  const rivals = new Set<string>();
  for (const { name, decky, isOfTopology } of containers) {
    if (decky !== null || isOfTopology) continue;
    const parts = name.split('-');
    const beginnings = parts.map((_, at) => parts.slice(0, at + 1).join('-'));
    const shortest = beginnings.findIndex((one) => only.has(one));
    if (shortest === -1) continue;
    for (const longer of beginnings.slice(shortest + 1)) if (!only.has(longer)) rivals.add(longer);
  }
  return [...rivals];
}

/** The longest decky that the name can belong to: `web-ssh` is the base of that decky before it is `web`'s ssh. */
function ownerByName(name: string, known: Known): string | null {
  if (known.get(name) !== undefined) return name;
  for (let at = name.lastIndexOf('-'); at > 0; at = name.lastIndexOf('-', at - 1)) {
    const decky = name.slice(0, at);
    const services = known.get(decky);
    if (services !== undefined && serviceByName(name, decky, services) !== null) return decky;
  }
  return null;
}

/** The service that a decky's container is named for; null: none, as of its base. */
function serviceByName(name: string, decky: string, services: readonly string[]): string | null {
  if (name === decky) return null;
  const suffix = name.slice(decky.length + 1);
  return services.find((candidate) => matchesServiceName(suffix, candidate)) ?? null;
}
