import type { Container, Loop } from '../fleet/sighting.ts';

/** One element of Docker's listing, as far as it is used. */
export interface ListedContainer {
  readonly Id: string;
  readonly Names?: readonly string[] | null;
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

/** @see DOMAIN.md, "Containers of a decky" */
export function containerOf(listed: ListedContainer, loop: Loop): Container {
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
    loop,
  };
}

/** Docker lists a name for each link to a container, too: its own has one slash. */
const nameOf = (listed: ListedContainer): string =>
  (listed.Names?.find((name) => name.lastIndexOf('/') === 0) ?? listed.Names?.[0] ?? listed.Id).replace(
    /^\//,
    '',
  );

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
