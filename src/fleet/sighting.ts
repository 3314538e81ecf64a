import { spells } from './decky.ts';
import { atOnce, isPause, type Steps } from './steps.ts';

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
export interface Sighting {
  readonly base: Container | null;
  readonly services: ReadonlyMap<string, Container>;
  /** Labelled as the decky's, of no service that it should have. */
  readonly strays: readonly Container[];
  /** Any container of the decky answers, one that counts for nothing included. */
  readonly anyRuns: boolean;
}

const nothing: Sighting = { base: null, services: new Map(), strays: [], anyRuns: false };

export const isRunning = (container: Container): boolean => container.state === 'running';

/** Runs, or will again in a moment: a looping container answers now and then, at whatever instant it is seen. */
export const answers = (container: Container): boolean =>
  isRunning(container) || container.loop.kind === 'loop';

/** The services of every decky of the host. */
export interface Known {
  get(decky: string): readonly string[] | undefined;
}

/**
 * Whose container is this: labels first, since they are exact; a name only among the unlabelled, since decky
 * `web` with service `ssh-http` and decky `web-ssh` with service `http` share one.
 * @see DOMAIN.md, "Containers of a decky"
 */
export const sightings = (containers: readonly Container[], known: Known): ((decky: string) => Sighting) =>
  atOnce(sightingsInSteps(containers, known));

export function* sightingsInSteps(
  containers: readonly Container[],
  known: Known,
): Steps<(decky: string) => Sighting> {
  const found = new Map<string, Mutable>();
  const of = (decky: string): Mutable => {
    const existing = found.get(decky);
    if (existing !== undefined) return existing;
    const made: Mutable = { base: null, services: new Map(), strays: [], anyRuns: false };
    found.set(decky, made);
    return made;
  };
  const unlabelled: Container[] = [];
  for (const [at, container] of containers.entries()) {
    if (isPause(at)) yield;
    if (container.decky === null) {
      unlabelled.push(container);
      continue;
    }
    const services = known.get(container.decky);
    if (services === undefined) continue;
    const sighting = of(container.decky);
    sighting.anyRuns ||= answers(container);
    if (container.service === null || !services.includes(container.service)) sighting.strays.push(container);
    else keepBetter(sighting.services, container.service, container);
  }
  for (const [at, container] of unlabelled.entries()) {
    if (isPause(at)) yield;
    const owner = ownerByName(container.name, known);
    if (owner === null) continue;
    const sighting = of(owner.decky);
    sighting.anyRuns ||= answers(container);
    if (owner.service === null) sighting.base = container;
    // A labelled container of that service was taken first and stays.
    else if ((sighting.services.get(owner.service)?.decky ?? null) === null) {
      keepBetter(sighting.services, owner.service, container);
    }
  }
  return (decky) => found.get(decky) ?? nothing;
}

interface Mutable {
  base: Container | null;
  services: Map<string, Container>;
  strays: Container[];
  anyRuns: boolean;
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
function ownerByName(name: string, known: Known): { decky: string; service: string | null } | null {
  if (known.get(name) !== undefined) return { decky: name, service: null };
  for (let at = name.lastIndexOf('-'); at > 0; at = name.lastIndexOf('-', at - 1)) {
    const suffix = name.slice(at + 1);
    const service = known.get(name.slice(0, at))?.find((candidate) => spells(suffix, candidate));
    if (service !== undefined) return { decky: name.slice(0, at), service };
  }
  return null;
}
