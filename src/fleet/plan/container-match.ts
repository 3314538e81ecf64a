import { matchesServiceName } from '../decky.ts';

/** A container as Docker lists it. */
export interface Container {
  readonly name: string;
  /** Label `decnet.fleet.decky`; null: unlabelled. */
  readonly decky: string | null;
  /** Label `decnet.fleet.service_name`. */
  readonly service: string | null;
  /** Docker's own word: `running`, `exited`, `paused`, … */
  readonly state: string;
  readonly exitCode: number | null;
  readonly unhealthy: boolean;
  /** Epoch seconds. */
  readonly createdAt: number;
  readonly loop: Loop;
}

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
  /** Any container of the decky answers, one that counts for nothing included. */
  readonly anyRuns: boolean;
}

const nothing: ContainerMatch = { base: null, services: new Map(), strays: [], anyRuns: false };

export const isRunning = (container: Container): boolean => container.state === 'running';

/** Runs, or will again in a moment: a looping container answers now and then, at whatever instant it is seen. */
export const answers = (container: Container): boolean =>
  isRunning(container) || container.loop.kind === 'loop';

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
    const owner = container.decky ?? ownerByName(container.name, this.#known);
    if (owner === null) return;
    const found = this.#byDecky.get(owner);
    if (found === undefined) this.#byDecky.set(owner, [container]);
    else found.push(container);
  }

  /** The containers of a decky. Matches are made on request: those of a large host are never all in memory. */
  matchOf(decky: string): ContainerMatch {
    const services = this.#known.get(decky);
    const found = this.#byDecky.get(decky);
    return services === undefined || found === undefined ? nothing : matchOf(decky, services, found);
  }
}

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
  return { base, services: ofService, strays, anyRuns: found.some(answers) };
}

/** Two containers of one service (one left over from a deploy): the one that runs, else the newer. */
function keepBetter(services: Map<string, Container>, service: string, container: Container): void {
  const other = services.get(service);
  const better =
    other === undefined ||
    (isRunning(container) !== isRunning(other)
      ? isRunning(container)
      : container.createdAt > other.createdAt);
  if (better) services.set(service, container);
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
