import { lifecycleStatuses } from '../fleet/plan/explanations.ts';
import type { Memory } from '../fleet/plan/memory.ts';
import { portsOff, type SilentEntries, type SilentEntry } from '../fleet/plan/ports.ts';
import type { Deployments, Rollout } from '../fleet/plan/rollout.ts';
import type { Rotation } from '../fleet/plan/rotation.ts';
import type { Undeclared } from '../fleet/plan/undeclared.ts';
import { isObject, type Json, type JsonObject, textsOf } from '../lib/json.ts';
import { shortened } from '../lib/text.ts';
import { deploymentFromJson } from './cause.ts';
import { timeFromJson, timeToJson } from './memory-times.ts';

type Living = Pick<Memory, 'deployments' | 'rotations' | 'undeclared' | 'silent' | 'portsUnchecked'>;

/** What a host's memory holds about DECNET's work, as a part of `fleet_hosts.notes`. What is empty is left out. */
export function livingToJson(living: Living): JsonObject {
  const { deployments, rotations, undeclared, silent, portsUnchecked } = living;
  return {
    ...(portsUnchecked === portsOff.why ? {} : { ports: { unchecked: portsUnchecked } }),
    ...members('silent', silent, silentToJson),
    ...(isIdle(deployments) ? {} : { deployments: deploymentsToJson(deployments) }),
    ...members('rotations', rotations, ({ services, declared, isReported }) => ({
      services,
      declared,
      told: isReported,
    })),
    ...members('undeclared', undeclared, ({ kind, containers, since }) => ({
      kind,
      containers,
      since: timeToJson(since),
    })),
  };
}

/** Invalid parts are ignored. */
export function livingFromJson(json: Json): Living {
  const memory = isObject(json) ? json : {};
  return {
    portsUnchecked: uncheckedFromJson(memory.ports),
    silent: entries(memory.silent, silentFromJson),
    deployments: deploymentsFromJson(memory.deployments),
    rotations: entries(
      memory.rotations,
      ({ services, declared, told }): Rotation => ({
        services: textsOf(listOf(services)),
        declared: textsOf(listOf(declared)),
        isReported: told === true,
      }),
    ),
    undeclared: entries(
      memory.undeclared,
      ({ kind, containers, since }): Undeclared => ({
        kind: kind === 'leftover' ? 'leftover' : 'running',
        containers: textsOf(listOf(containers)),
        since: timeFromJson(since),
      }),
    ),
  };
}

const silentToJson = (memory: SilentEntries): JsonObject =>
  Object.fromEntries(
    [...memory].map(([service, { since, isConfirmed }]) => [
      service,
      { since: timeToJson(since), confirmed: isConfirmed },
    ]),
  );

const silentFromJson = (json: JsonObject): SilentEntries =>
  entries(
    json,
    ({ since, confirmed }): SilentEntry => ({ since: timeFromJson(since), isConfirmed: confirmed === true }),
  );

/** Without an entry the check is off. */
function uncheckedFromJson(json: Json | undefined): string | null {
  if (!isObject(json)) return portsOff.why;
  return typeof json.unchecked === 'string' ? shortened(json.unchecked) : null;
}

const isIdle = ({ rollout, endedAt, neverRan, lifecycles, broken }: Deployments): boolean =>
  rollout === null && endedAt === 0 && neverRan.size + lifecycles.size + broken.size === 0;

const deploymentsToJson = ({ rollout, endedAt, neverRan, lifecycles, broken }: Deployments): JsonObject => ({
  ended_at: timeToJson(endedAt),
  ...(rollout && {
    rollout: {
      since: timeToJson(rollout.since),
      of: rollout.of,
      ran: [...rollout.ran],
      took_down: rollout.tookDown,
    },
  }),
  ...members('never_ran', neverRan, timeToJson),
  ...members('lifecycles', lifecycles, ({ status, at }) => ({ status, at: timeToJson(at) })),
  ...members('broken', broken, ({ outcome, of }) => ({ outcome, of })),
});

function deploymentsFromJson(json: Json | undefined): Deployments {
  const { rollout, ended_at, never_ran, lifecycles, broken } = isObject(json) ? json : ({} as JsonObject);
  return {
    rollout: rolloutFromJson(rollout),
    endedAt: timeFromJson(ended_at),
    neverRan: new Map(
      isObject(never_ran) ? Object.entries(never_ran).map(([name, at]) => [name, timeFromJson(at)]) : [],
    ),
    lifecycles: entries(lifecycles, ({ status, at }) => {
      const known = lifecycleStatuses.find((one) => one === status);
      return known === undefined ? null : { status: known, at: timeFromJson(at) };
    }),
    broken: entries(broken, deploymentFromJson),
  };
}

function rolloutFromJson(json: Json | undefined): Rollout | null {
  if (!isObject(json)) return null;
  const { since, of, ran, took_down: tookDown } = json;
  return {
    since: timeFromJson(since),
    of: typeof of === 'string' ? shortened(of) : '',
    ran: new Set(textsOf(listOf(ran))),
    tookDown: tookDown === true,
  };
}

/** One member whose value has one entry for each of the map; nothing if the map is empty. */
const members = <T>(name: string, map: ReadonlyMap<string, T>, toJson: (value: T) => Json): JsonObject =>
  map.size === 0 ? {} : { [name]: Object.fromEntries([...map].map(([key, value]) => [key, toJson(value)])) };

const entries = <T>(
  json: Json | undefined,
  fromJson: (value: JsonObject) => T | null,
): ReadonlyMap<string, T> =>
  new Map(
    Object.entries(isObject(json) ? json : {}).flatMap(([key, value]): [string, T][] => {
      const read = isObject(value) ? fromJson(value) : null;
      return read === null ? [] : [[key, read]];
    }),
  );

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
