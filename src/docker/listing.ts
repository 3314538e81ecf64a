import type { Container, Loop } from '../fleet/plan/container-match.ts';
import { isObject, type Json, property } from '../lib/json.ts';
import { keptText } from './words.ts';

/** The used fields of one element of Docker's listing. With a broken engine they may have any type. */
export interface ListedContainer {
  /** At least one element, the first a string; the id of a container without a name. */
  readonly Names: readonly unknown[];
  /** The used labels of DECNET. */
  readonly Labels?: unknown;
  readonly State?: unknown;
  readonly Status?: unknown;
  /** Epoch seconds. */
  readonly Created?: unknown;
}

/** Seconds after its start during which a container may be in a restart loop. */
const loopWindowSeconds = 300;
const loopRestarts = 3;
/** Seconds between creation and start above which the start is not the first one. Docker returns both in whole seconds. */
const marginSeconds = 2;
/** The maximum length of a state in characters. */
const longestState = 64;

const none: Loop = { kind: 'none' };
const suspect: Loop = { kind: 'suspect' };
const restarting: Loop = { kind: 'loop', endsIn: null };

/** Shortens the name of a decky to 129 characters. Legal names have at most 128, so a shortened name matches no decky. */
export const keptDecky = (name: string): string => keptText(name, 129);
const keptService = (name: string): string => keptText(name, 256);
/** Shortens the name of a container and removes its leading slash, which listings have and events do not. */
export const keptName = (name: string): string => keptText(name.replace(/^\//, ''), 256);

/**
 * Reads a container from the listing, which does not show whether a suspect is in a restart loop.
 * @param now epoch seconds
 * @see DOMAIN.md, "Containers of a decky"
 */
export function containerOf(listed: ListedContainer, now: number): Container {
  const status = statusOf(listed);
  const exit = /^(?:Exited|Dead|Restarting) \((-?\d{1,10})\)/.exec(status);
  return {
    name: nameOf(listed),
    decky: keptLabel(listed, 'decnet.fleet.decky', keptDecky),
    service: keptLabel(listed, 'decnet.fleet.service_name', keptService),
    state: typeof listed.State === 'string' ? keptText(listed.State, longestState) : 'unknown',
    exitCode: exit === null ? null : Number(exit[1]),
    unhealthy: status.includes('(unhealthy)'),
    createdAt: createdAt(listed),
    loop: listed.State === 'restarting' ? restarting : isSuspect(listed, now) ? suspect : none,
  };
}

/** The container's own name, which has one slash. Docker also lists a name for each link to the container. */
function nameOf({ Names }: ListedContainer): string {
  const own = Names.find((name) => typeof name === 'string' && name.lastIndexOf('/') === 0) ?? Names[0];
  return typeof own === 'string' ? keptName(own) : '';
}

function keptLabel(
  { Labels }: ListedContainer,
  label: string,
  kept: (value: string) => string,
): string | null {
  const value = isObject(Labels) ? property(Labels, label) : null;
  return typeof value === 'string' ? kept(value) : null;
}

const statusOf = ({ Status }: ListedContainer): string =>
  typeof Status === 'string' ? Status.slice(0, longestState) : '';

const createdAt = ({ Created }: ListedContainer): number =>
  typeof Created === 'number' && Number.isFinite(Created) ? Created : 0;

/**
 * Whether a container may be in a restart loop according to the listing: it has been running for less than five minutes and
 * was created clearly before that start.
 * @param now epoch seconds
 */
export function isSuspect(listed: ListedContainer, now: number): boolean {
  if (listed.State !== 'running') return false;
  const up = upSeconds(statusOf(listed));
  return up !== null && up < loopWindowSeconds && now - up - createdAt(listed) > marginSeconds;
}

/** Parses a status: `Up 12 seconds (healthy)` → 12; null: an hour or more, or not running. */
export function upSeconds(status: string): number | null {
  const match = /^Up (?:(\d+|About a|Less than a) (second|minute)s?)/.exec(status);
  if (match === null) return null;
  const count = match[1] === 'About a' ? 1 : match[1] === 'Less than a' ? 0 : Number(match[1]);
  return match[2] === 'minute' ? count * 60 : count;
}

/**
 * Whether a suspect is in a restart loop according to its inspection. Without the necessary fields it stays a suspect.
 * @param now epoch seconds
 */
export function loopOf(inspected: Json, now: number): Loop {
  const [restarts, state] = isObject(inspected)
    ? [property(inspected, 'RestartCount'), property(inspected, 'State')]
    : [];
  const started = isObject(state) ? property(state, 'StartedAt') : undefined;
  const startedAt = typeof started === 'string' ? Date.parse(started) / 1000 : Number.NaN;
  if (typeof restarts !== 'number' || Number.isNaN(startedAt)) return suspect;
  // The engine's clock may be ahead: the rest of the window must not exceed the window.
  const up = Math.max(0, now - startedAt);
  return restarts < loopRestarts || up >= loopWindowSeconds
    ? none
    : { kind: 'loop', endsIn: loopWindowSeconds - up };
}
