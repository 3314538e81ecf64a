import { type Container, isRunning } from './container-match.ts';

/** A decky whose containers run although neither the file nor the table has it. */
export interface Undeclared {
  /** `leftover`: nobody reaches more than an address: its services are cut off, or its base container is alone. */
  readonly kind: 'running' | 'leftover';
  /** The names of its containers, for the command that removes them. */
  readonly containers: readonly string[];
  /** When a pass first found it, epoch milliseconds of the database's clock. */
  readonly since: number;
}

/** Younger containers may belong to a decky that is being deployed or removed. */
const youngSeconds = 60;
/** An engine may list any number of containers. */
const containersNamed = 20;

/**
 * Whether containers that belong to no known decky are listed as undeclared; null: they are not.
 * @see CONTRACT.md, "A living host", e
 */
export function undeclaredOf(containers: readonly Container[], since: number): Undeclared | null {
  const alive = containers.filter(({ state }) => state === 'running');
  if (!alive.some(({ ageSeconds }) => (ageSeconds ?? 0) >= youngSeconds)) return null;
  const isReached = alive.some((container) => container.decky !== null && isRunning(container));
  return {
    kind: isReached ? 'running' : 'leftover',
    containers: containers.slice(0, containersNamed).map(({ name }) => name),
    since,
  };
}
