import type { Container, Loop, Network } from '../fleet/plan/container-match.ts';
import type { NetworkOwner } from '../fleet/plan/cut-off.ts';
import { isObject, type Json, type JsonObject, property } from '../lib/json.ts';
import { lastResult } from '../lib/last-result.ts';
import { keptText } from './words.ts';

/** How the labels of a topology's containers begin. @see LIVING.md, "a MazeNET topology" */
export const topologyLabels = 'decnet.topology.';

/** The used fields of one element of Docker's listing. With a broken engine they may have any type. */
export interface ListedContainer {
  readonly Id?: unknown;
  /** At least one element, the first a string; the id of a container without a name. */
  readonly Names: readonly unknown[];
  /** The used labels; of those of a topology the last, under the name `topologyLabels`. */
  readonly Labels?: unknown;
  /** Only its network mode. */
  readonly HostConfig?: unknown;
  readonly State?: unknown;
  readonly Status?: unknown;
  /** Epoch seconds. */
  readonly Created?: unknown;
}

/** Seconds after its start during which a container may be in a restart loop. */
export const loopWindowSeconds = 300;
const loopRestarts = 3;
/** The maximum lengths of a state and of an id in characters; Docker's ids have 64. */
const longestState = 64;
const longestId = 128;

export const none: Loop = { kind: 'none' };
export const suspect: Loop = { kind: 'suspect' };

/** Shortens the name of a decky to 129 characters. Legal names have at most 128, so a shortened name matches no decky. */
export const keptDecky = (name: string): string => keptText(name, 129);
const keptService = (name: string): string => keptText(name, 256);
/** Shortens the name of a container and removes its leading slash, which listings have and events do not. */
export const keptName = (name: string): string => keptText(name.startsWith('/') ? name.slice(1) : name, 256);

/** A container of the listing. Without the findings it depends on nothing else: it holds as long as the listing shows the same. */
export interface Entry {
  /** With the findings of the last pass. Replaced when they differ, never changed: what earlier passes returned stays true. */
  container: Container;
  /** Its name if the listing has no id, or if no other container can join its network. */
  readonly id: string;
  /** The id of the container whose network it uses; null: it has its own, or none. */
  readonly owner: string | null;
  /** Since when it runs, or since when it has ended; null: unknown. */
  readonly age: Age | null;
}

/**
 * Reads a container from the listing.
 * @see DOMAIN.md, "Containers of a decky"
 */
export function entryOf(listed: ListedContainer): Entry {
  const { exitCode, unhealthy, age } = statusRead(statusOf(listed));
  const labels = isObject(listed.Labels) ? listed.Labels : noLabels;
  const name = nameOf(listed);
  const owner = ownerOf(listed);
  const container: Container = {
    name,
    decky: keptDeckyLabel(label(labels, 'decnet.fleet.decky')),
    service: keptServiceLabel(label(labels, 'decnet.fleet.service_name')),
    isOfDecnet: label(labels, 'com.docker.compose.project') === 'decnet',
    isOfTopology: label(labels, topologyLabels) !== null,
    state: typeof listed.State === 'string' ? keptState(listed.State) : 'unknown',
    exitCode,
    unhealthy,
    createdAt: createdAt(listed),
    ageSeconds: age?.least ?? null,
    loop: none,
    network: unverifiedNetwork(owner),
    owner: null,
    startedBeforeBase: false,
  };
  return { container, id: idOf(listed) || name, owner, age };
}

/** That of a container about which nothing is found out yet. @param owner @see Entry */
export const unverifiedNetwork = (owner: string | null): Network => (owner === null ? 'own' : 'unverified');

/** What the status shows: `Up 12 seconds (unhealthy)`, `Exited (137) 3 weeks ago`. */
const statusRead = lastResult((status: string) => {
  const exit = /^(?:Exited|Dead|Restarting) \((-?\d{1,10})\)/.exec(status);
  return {
    exitCode: exit === null ? null : Number(exit[1]),
    unhealthy: status.includes('(unhealthy)'),
    age: ageOf(status),
  };
});

const keptState = lastResult((state: string) => keptText(state, longestState));
const keptDeckyLabel = lastResult((name: string | null) => (name === null ? null : keptDecky(name)));
const keptServiceLabel = lastResult((name: string | null) => (name === null ? null : keptService(name)));

const idOf = ({ Id }: ListedContainer): string => (typeof Id === 'string' ? keptText(Id, longestId) : '');

/** How the network mode of a container begins that uses the network of another container. */
export const joinedNetwork = 'container:';

const ownerOf = ({ HostConfig }: ListedContainer): string | null => {
  const mode = isObject(HostConfig) ? property(HostConfig, 'NetworkMode') : null;
  return typeof mode === 'string' ? ownerOfMode(mode) : null;
};

const ownerOfMode = lastResult((mode: string) =>
  mode.startsWith(joinedNetwork) ? keptText(mode.slice(joinedNetwork.length), longestId) : null,
);

/** The container's own name, which has one slash. Docker also lists a name for each link to the container. */
function nameOf({ Names }: ListedContainer): string {
  for (const name of Names)
    if (typeof name === 'string' && name.lastIndexOf('/') === 0) return keptName(name);
  const [first] = Names;
  return typeof first === 'string' ? keptName(first) : '';
}

const noLabels: JsonObject = {};

function label(labels: JsonObject, name: string): string | null {
  const value = property(labels, name);
  return typeof value === 'string' ? value : null;
}

const statusOf = ({ Status }: ListedContainer): string =>
  typeof Status === 'string' ? Status.slice(0, longestState) : '';

const createdAt = ({ Created }: ListedContainer): number =>
  typeof Created === 'number' && Number.isFinite(Created) ? Created : 0;

/** As exactly as a status shows it, in seconds. */
export interface Age {
  readonly least: number;
  readonly max: number;
}

/**
 * Since when a container runs, or since when it has ended, from its status: `Up 12 seconds (healthy)`, `Exited (0) 3 weeks ago`.
 * Docker rounds down, but hours to the nearest. @returns seconds; null: the status shows none
 */
export function ageOf(status: string): Age | null {
  const match =
    /^(?:Up|(?:Exited|Dead|Restarting) \(-?\d+\)) (\d{1,6}|About an?|Less than a) ([a-z]+?)s?\b/.exec(status);
  if (match === null) return null;
  const [, count = '', unit = ''] = match;
  const length = unitSeconds[unit];
  if (length === undefined) return null;
  if (count === 'Less than a') return { least: 0, max: length };
  const times = count.startsWith('About') ? 1 : Number(count);
  const half = unit === 'hour' ? length / 2 : 0;
  return { least: Math.max(0, times * length - half), max: (times + 1) * length - half };
}

const unitSeconds: Readonly<Record<string, number>> = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86_400,
  week: 7 * 86_400,
  month: 30 * 86_400,
  year: 365 * 86_400,
};

/** What the inspection of a container shows, beyond the listing. */
export interface Inspected extends NetworkOwner {
  readonly loop: Loop;
  /** @see Container; null: it could be started, so far. */
  readonly startedBeforeBase: boolean | null;
  /** Its process on the engine's machine; null: it does not run, or the engine does not show it. */
  readonly pid: number | null;
}

/** Docker's exit code for a container that it could not start. */
export const notStarted = 128;

/**
 * Reads an inspection. Without the necessary fields the container stays a suspect.
 * @param now epoch seconds
 */
export function inspectedOf(inspected: Json, now: number): Inspected {
  const [restarts, state] = isObject(inspected)
    ? [property(inspected, 'RestartCount'), property(inspected, 'State')]
    : [];
  const of = (name: string): Json | undefined => (isObject(state) ? property(state, name) : undefined);
  const at = secondsOf(of('StartedAt'));
  const isAlive = of('Running') === true || of('Paused') === true;
  const [error, pid] = [of('Error'), of('Pid')];
  return {
    loop: at === null || typeof restarts !== 'number' ? suspect : loopOf(restarts, at, now),
    started: isAlive && at !== null ? { earliest: at, latest: at } : null,
    pid: isAlive && typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 0 ? pid : null,
    isFirstStart: (secondsOf(of('FinishedAt')) ?? 0) <= 0,
    startedBeforeBase:
      of('ExitCode') === notStarted
        ? typeof error === 'string' && error.includes('cannot join network of a non running container')
        : null,
  };
}

/** Epoch seconds; of Docker's year 1, which stands for never, a negative number. */
function secondsOf(time: Json | undefined): number | null {
  const at = typeof time === 'string' ? Date.parse(time) / 1000 : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

function loopOf(restarts: number, startedAt: number, now: number): Loop {
  // The engine's clock may be ahead: the rest of the window must not exceed the window.
  const up = Math.max(0, now - startedAt);
  return restarts < loopRestarts || up >= loopWindowSeconds
    ? none
    : { kind: 'loop', endsIn: loopWindowSeconds - up };
}
