import type { Affected, Incident } from '../incidents/incident.ts';
import type { Scope, Silence } from './silence.ts';

/** A silence that is active, and when its period ends: epoch milliseconds. */
export interface ActiveSilence {
  readonly silence: Silence;
  readonly to: number;
}

/** What keeps an incident from being sent. */
export interface Cover {
  /** Of the silences that it takes, the one that ends first. */
  readonly first: string;
  readonly all: readonly string[];
}

type Location = Pick<Affected, 'host' | 'name'>;

/** Whether a silence is about one thing that an incident affects. Parts of the control plane belong to no host. */
export function isAbout(scope: Scope, kind: Incident['kind'], { host, name }: Location): boolean {
  if (scope.kind === 'everything') return true;
  if (scope.kind === 'cause') return scope.cause === kind;
  if (host === null || host !== scope.host) return false;
  return scope.kind === 'host' || scope.name === name;
}

/** Null: something that the incident affects is not silenced, so that the incident is sent. */
export function coverOf(
  { kind, affected }: Pick<Incident, 'kind'> & { readonly affected: readonly Location[] },
  active: readonly ActiveSilence[],
): Cover | null {
  const taken = new Set<ActiveSilence>();
  for (const location of affected) {
    const longest = active
      .filter(({ silence }) => isAbout(silence.scope, kind, location))
      .reduce<ActiveSilence | null>((best, one) => (best === null || one.to > best.to ? one : best), null);
    if (longest === null) return null;
    taken.add(longest);
  }
  const [first, ...rest] = [...taken].sort((a, b) => a.to - b.to);
  return first === undefined
    ? null
    : { first: first.silence.id, all: [first, ...rest].map(({ silence }) => silence.id) };
}
