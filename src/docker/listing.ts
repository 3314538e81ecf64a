import type { Container, Loop } from '../fleet/sighting.ts';

/** One element of Docker's listing, as far as it is used. */
export interface ListedContainer {
  /** At least one; of a container that has none, its id. */
  readonly Names: readonly string[];
  /** Those of DECNET's that are used. */
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly State?: string;
  readonly Status?: string;
  /** Epoch seconds. */
  readonly Created?: number;
}

/** Seconds since its start during which a container may be in a restart loop. */
export const loopWindow = 300;
/** Seconds between creation and start that tell a second start: Docker gives both in whole seconds. */
const margin = 2;

const none: Loop = { kind: 'none' };
const suspect: Loop = { kind: 'suspect' };
const restarting: Loop = { kind: 'loop', endsIn: null };

/**
 * A container by the listing alone: whether one that may be in a restart loop is, it does not tell.
 * @param now epoch seconds
 * @see DOMAIN.md, "Containers of a decky"
 */
export function containerOf(listed: ListedContainer, now: number): Container {
  const status = listed.Status ?? '';
  const exit = /^(?:Exited|Dead|Restarting) \((-?\d+)\)/.exec(status);
  return {
    name: nameOf(listed),
    decky: listed.Labels?.['decnet.fleet.decky'] ?? null,
    service: listed.Labels?.['decnet.fleet.service_name'] ?? null,
    state: listed.State ?? 'unknown',
    exitCode: exit === null ? null : Number(exit[1]),
    unhealthy: status.includes('(unhealthy)'),
    createdAt: listed.Created ?? 0,
    loop: listed.State === 'restarting' ? restarting : isSuspect(listed, now) ? suspect : none,
  };
}

/** Docker lists a name for each link to a container, too: its own has one slash. */
const nameOf = ({ Names }: ListedContainer): string =>
  (Names.find((name) => name.lastIndexOf('/') === 0) ?? Names[0] ?? '').replace(/^\//, '');

/**
 * Whether a container may be in a restart loop, by the listing alone: it runs for less than five minutes, and was
 * created clearly before that start.
 * @param now epoch seconds
 */
export function isSuspect(listed: ListedContainer, now: number): boolean {
  if (listed.State !== 'running') return false;
  const up = upSeconds(listed.Status ?? '');
  return up !== null && up < loopWindow && now - up - (listed.Created ?? 0) > margin;
}

/** `Up 12 seconds (healthy)` → 12; null: hours or more, or no running container. */
export function upSeconds(status: string): number | null {
  const match = /^Up (?:(\d+|About a|Less than a) (second|minute)s?)/.exec(status);
  if (match === null) return null;
  const count = match[1] === 'About a' ? 1 : match[1] === 'Less than a' ? 0 : Number(match[1]);
  return match[2] === 'minute' ? count * 60 : count;
}
