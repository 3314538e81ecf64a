import Docker from 'dockerode';
import { reasonOf } from '../errors.ts';
import type { Container, Loop } from '../fleet/sighting.ts';
import type { Engine } from '../pass/observe.ts';
import { type DockerSettings, dockerConnection } from './connection.ts';
import { containerOf, loopWindow } from './listing.ts';
import { readListing } from './listing-stream.ts';

/** Milliseconds for one listing, and per container that there was the last time or has arrived. @see CONTRACT.md, rule 6 */
const listLimit = { base: 10_000, perContainer: 1 };
/** @see CONTRACT.md, "Observed state of a decky" */
const inspectLimit = { perPass: 200, atOnce: 8, time: 5_000 };
const loopRestarts = 3;
const infoLimit = 5_000;

export interface DockerEngine extends Engine {
  /** Where the engine is, for people. */
  readonly place: string;
  /** The engine's own id and version. Rejects when it does not answer. */
  info(): Promise<{ id: string; version: string; containers: number }>;
}

/** @throws FleetError CONFIG_INVALID */
export function dockerEngine(settings: DockerSettings): DockerEngine {
  const { options, place } = dockerConnection(settings);
  const docker = new Docker(options);

  const list: Engine['list'] = async ({ only, containers, turn }) => {
    const patience = patienceFor(containers);
    try {
      const listed = await listing(docker, only, patience);
      return { kind: 'ok', containers: await inspectSuspects(docker, listed, Number(turn)) };
    } catch (error) {
      return {
        kind: 'unreachable',
        reason: patience.signal.aborted ? tooSlow(place, patience.limit()) : unreachable(error, place),
      };
    } finally {
      patience.end();
    }
  };

  return {
    place,
    list,
    info: async () => {
      // The types know info() without options only.
      const ask = docker.info.bind(docker) as (options: { abortSignal: AbortSignal }) => Promise<EngineInfo>;
      const info = await ask({ abortSignal: AbortSignal.timeout(infoLimit) });
      return { id: info.ID, version: info.ServerVersion, containers: info.Containers };
    },
  };
}

interface Patience {
  /** Aborted when the time is over. */
  readonly signal: AbortSignal;
  /** A container has arrived. */
  arrived(): void;
  /** Milliseconds, from the beginning. */
  limit(): number;
  end(): void;
}

/** A host is first seen with any number of containers: those that arrive count as those of the last time do. */
function patienceFor(lastTime: number): Patience {
  const controller = new AbortController();
  const from = performance.now();
  let seen = 0;
  let timer: NodeJS.Timeout;
  const limit = (): number => listLimit.base + listLimit.perContainer * Math.max(lastTime, seen);
  const look = (): void => {
    const left = from + limit() - performance.now();
    if (left > 0) timer = setTimeout(look, left);
    else controller.abort();
  };
  look();
  return {
    signal: controller.signal,
    arrived: () => {
      seen += 1;
    },
    limit,
    end: () => clearTimeout(timer),
  };
}

interface EngineInfo {
  readonly ID: string;
  readonly ServerVersion: string;
  readonly Containers: number;
}

/**
 * All containers, or those of some deckies. Docker ANDs labels, ORs names as regular expressions and intersects both,
 * so that some deckies take one listing by label each, and one by name: a base container has no label of DECNET's.
 */
async function listing(
  docker: Docker,
  only: ReadonlySet<string> | null,
  patience: Patience,
): Promise<readonly Container[]> {
  const ask = async (filters?: Record<string, string[]>): Promise<readonly Container[]> =>
    readListing(await open(docker, { all: true, ...(filters && { filters }) }, patience.signal), (listed) => {
      patience.arrived();
      return containerOf(listed, Date.now() / 1000);
    });
  if (only === null) return ask();
  const names = [...only].map((name) => `^/?${name.replaceAll('.', '\\.')}(-.*)?$`);
  const found = await Promise.all([
    ask({ name: names }),
    ...[...only].map((name) => ask({ label: [`decnet.fleet.decky=${name}`] })),
  ]);
  return [...new Map(found.flat().map((one) => [one.name, one])).values()];
}

/** The listing as a stream: `listContainers` would hold all of it as one text. */
const open = (docker: Docker, query: object, abortSignal: AbortSignal): Promise<AsyncIterable<Buffer>> =>
  new Promise((done, fail) => {
    docker.modem.dial(
      {
        path: '/containers/json?',
        method: 'GET',
        isStream: true,
        abortSignal,
        statusCodes: { 200: true, 400: 'bad parameter', 500: 'server error' },
        options: query,
      },
      (error: unknown, stream: unknown) =>
        error === null ? done(stream as AsyncIterable<Buffer>) : fail(error as Error),
    );
  });

/** Restart counts are not in a listing: only containers that may be looping are asked for theirs. */
async function inspectSuspects(
  docker: Docker,
  listed: readonly Container[],
  turn: number,
): Promise<readonly Container[]> {
  const suspects = listed.filter(({ loop }) => loop.kind === 'suspect');
  if (suspects.length === 0) return listed;
  // The rest by the next passes: each turn begins further on.
  const from = suspects.length <= inspectLimit.perPass ? 0 : (turn * inspectLimit.perPass) % suspects.length;
  const chosen = [...suspects.slice(from), ...suspects.slice(0, from)].slice(0, inspectLimit.perPass);

  const verdicts = new Map<Container, Loop>();
  const queue = chosen.values();
  const inspectNext = async (): Promise<void> => {
    for (const one of queue) verdicts.set(one, await inspect(docker, one.name));
  };
  await Promise.all(Array.from({ length: inspectLimit.atOnce }, inspectNext));

  return listed.map((one) => {
    const loop = verdicts.get(one);
    return loop === undefined ? one : { ...one, loop };
  });
}

async function inspect(docker: Docker, name: string): Promise<Loop> {
  try {
    const found = await docker
      .getContainer(name)
      .inspect({ abortSignal: AbortSignal.timeout(inspectLimit.time) });
    const up = (Date.now() - Date.parse(found.State.StartedAt)) / 1000;
    if (found.RestartCount < loopRestarts || up >= loopWindow) return { kind: 'none' };
    return { kind: 'loop', endsIn: Math.max(0, loopWindow - up) };
  } catch {
    // Gone meanwhile, or too slow: the next pass asks again.
    return { kind: 'suspect' };
  }
}

const tooSlow = (place: string, limit: number): string =>
  `${place} did not answer within ${Math.round(limit / 1000)} s`;

/** Why the engine did not answer, in words that stay the same while the fault lasts. */
function unreachable(error: unknown, place: string): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT') return `there is no socket at ${place}`;
  if (code === 'ECONNREFUSED') return `nobody listens at ${place}`;
  if (code === 'EACCES') return `this user may not open ${place}`;
  return `${place}: ${reasonOf(error)}`;
}
