import type { Container, Loop } from '../fleet/plan/container-match.ts';
import { isObject, type Json, property } from '../lib/json.ts';
import { keptText } from './words.ts';

/** One element of Docker's listing, as far as it is used. A broken engine's fields may hold anything. */
export interface ListedContainer {
  /** At least one, the first a text; of a container that has none, its id. */
  readonly Names: readonly unknown[];
  /** Those of DECNET's that are used. */
  readonly Labels?: unknown;
  readonly State?: unknown;
  readonly Status?: unknown;
  /** Epoch seconds. */
  readonly Created?: unknown;
}

/** Seconds since its start during which a container may be in a restart loop. */
const loopWindowSeconds = 300;
const loopRestarts = 3;
/** Seconds between creation and start that tell a second start: Docker gives both in whole seconds. */
const marginSeconds = 2;
/** Characters of a state. */
const longestState = 64;

const none: Loop = { kind: 'none' };
const suspect: Loop = { kind: 'suspect' };
const restarting: Loop = { kind: 'loop', endsIn: null };

/** A decky's name has at most 128 characters: one that was cut belongs to no decky. */
export const keptDecky = (name: string): string => keptText(name, 129);
const keptService = (name: string): string => keptText(name, 256);
/** Of a container, as it is listed and in events: with a slash or without. */
export const keptName = (name: string): string => keptText(name.replace(/^\//, ''), 256);

/**
 * A container by the listing alone: whether one that may be in a restart loop is, it does not tell.
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

/** Docker lists a name for each link to a container, too: its own has one slash. */
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
 * Whether a container may be in a restart loop, by the listing alone: it runs for less than five minutes, and was
 * created clearly before that start.
 * @param now epoch seconds
 */
export function isSuspect(listed: ListedContainer, now: number): boolean {
  if (listed.State !== 'running') return false;
  const up = upSeconds(statusOf(listed));
  return up !== null && up < loopWindowSeconds && now - up - createdAt(listed) > marginSeconds;
}

/** `Up 12 seconds (healthy)` → 12; null: hours or more, or no running container. */
export function upSeconds(status: string): number | null {
  const match = /^Up (?:(\d+|About a|Less than a) (second|minute)s?)/.exec(status);
  if (match === null) return null;
  const count = match[1] === 'About a' ? 1 : match[1] === 'Less than a' ? 0 : Number(match[1]);
  return match[2] === 'minute' ? count * 60 : count;
}

/**
 * Whether a suspect is in a restart loop, by its inspection; one that says nothing of it stays a suspect.
 * @param now epoch seconds
 */
export function loopOf(inspected: Json, now: number): Loop {
  const [restarts, state] = isObject(inspected)
    ? [property(inspected, 'RestartCount'), property(inspected, 'State')]
    : [];
  const started = isObject(state) ? property(state, 'StartedAt') : undefined;
  const startedAt = typeof started === 'string' ? Date.parse(started) / 1000 : Number.NaN;
  if (typeof restarts !== 'number' || Number.isNaN(startedAt)) return suspect;
  // The engine's clock may be ahead: a window is never longer than it is.
  const up = Math.max(0, now - startedAt);
  return restarts < loopRestarts || up >= loopWindowSeconds
    ? none
    : { kind: 'loop', endsIn: loopWindowSeconds - up };
}
