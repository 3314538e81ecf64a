/**
 * The state of a decky, written only from docs/CONTRACT.md, without any code of the product.
 * Times are epoch milliseconds of this machine.
 */

export type State = 'pending' | 'running' | 'degraded' | 'failed' | 'torn_down';

export interface Container {
  readonly name: string;
  /** The label `decnet.fleet.decky`; null: unlabelled. */
  readonly decky: string | null;
  readonly service: string | null;
  readonly status: 'running' | 'exited' | 'paused' | 'created' | 'restarting';
  readonly unhealthy: boolean;
  readonly exitCode: number;
  readonly restarts: number;
  readonly createdAt: number;
  readonly startedAt: number;
}

/** The declarations of a state file for one host: the services of each decky. */
export type Declared = ReadonlyMap<string, readonly string[]>;

export type StateFile =
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'declares'; readonly deckies: Declared };

const loopMs = 5 * 60_000;
/** Fleet singletons, which have no container. */
const singletons = new Set(['sniffer']);

/** Running for less than five minutes with three or more restarts, or restarting. */
const isLooping = (container: Container, at: number): boolean =>
  container.status === 'restarting' ||
  (container.status === 'running' && container.restarts >= 3 && at - container.startedAt < loopMs);

/** It is running, or in a restart loop, which counts as degraded at any moment. */
const isUp = (container: Container, at: number): boolean =>
  container.status === 'running' || isLooping(container, at);

const isImpaired = (container: Container, at: number): boolean =>
  container.unhealthy || isLooping(container, at);

const namesOf = (decky: string, service: string): readonly string[] => [
  `${decky}-${service}`,
  `${decky}-${service.replaceAll('_', '-')}`,
];

export function partsOf(
  decky: string,
  services: readonly string[],
  containers: readonly Container[],
): { base: Container | undefined; services: readonly (Container | undefined)[] } {
  const unlabelled = containers.filter((one) => one.decky === null);
  return {
    base: unlabelled.find(({ name }) => name === decky),
    services: services
      .filter((service) => !singletons.has(service))
      .map(
        (service) =>
          containers.find((one) => one.decky === decky && one.service === service) ??
          unlabelled.find(({ name }) => namesOf(decky, service).includes(name)),
      ),
  };
}

/** @see CONTRACT.md, "Observed state of a decky" */
export function stateOf(
  decky: string,
  services: readonly string[],
  containers: readonly Container[],
  at: number,
): State {
  const found = partsOf(decky, services, containers);
  const parts = found.services.length === 0 ? [found.base] : found.services;
  const seen = parts.filter((one) => one !== undefined);
  if (seen.length === 0) return 'torn_down';
  const up = seen.filter((one) => isUp(one, at));
  if (up.length === 0) return 'failed';
  const { base } = found;
  const isSound =
    up.length === parts.length &&
    up.every((one) => !isImpaired(one, at)) &&
    (base === undefined || (isUp(base, at) && !isImpaired(base, at)));
  return isSound ? 'running' : 'degraded';
}

/**
 * Whether a row that no file declares is held: its base runs, and at least one service, or no service has a container.
 * A container of the decky for a service that the row does not list counts, too.
 * @see CONTRACT.md, "What a pass does", rule 3
 */
export function isReached(
  decky: string,
  services: readonly string[],
  containers: readonly Container[],
  at: number,
): boolean {
  const { base, services: expected } = partsOf(decky, services, containers);
  if (base === undefined || !isUp(base, at)) return false;
  const unlabelled = new Set(services.flatMap((service) => namesOf(decky, service)));
  return (
    expected.length === 0 ||
    containers.some(
      (one) => (one.decky === decky || (one.decky === null && unlabelled.has(one.name))) && isUp(one, at),
    )
  );
}
