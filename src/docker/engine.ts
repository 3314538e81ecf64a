import type { EngineAnswer } from '../fleet/plan/facts.ts';
import { type ObservedPorts, portsOff } from '../fleet/plan/ports.ts';
import { codeOf } from '../lib/errors.ts';
import { isObject, property } from '../lib/json.ts';
import type { Engine } from '../pass/observe.ts';
import { type Clock, engineClock } from './clock.ts';
import { type DockerSettings, dockerConnection } from './connection.ts';
import { inspector } from './inspector.ts';
import { KnownEntries } from './known-entries.ts';
import { type EngineLimits, engineLimits } from './limits.ts';
import { type Listed, listedOf } from './listed.ts';
import { portsReader } from './listening.ts';
import { type Entry, entryOf } from './listing.ts';
import { type Budget, budgetOf, EndedEarly, readListing } from './listing-stream.ts';
import { type Client, eachOf, engineClient, type Query, Refusal } from './request.ts';
import { faultReason, keptText } from './words.ts';

/** Up to this many deckies are listed one by one; more take one listing of all containers. */
const listedApart = 100;

/** Containers of a listing between two readings of the clock: some milliseconds. */
const containersPerClockCheck = 100;

export interface DockerEngine extends Engine {
  /** The address of the engine, for messages. */
  readonly location: string;
  /** The engine's id and version. Rejects when the engine does not answer or a socket proxy refuses. */
  info(): Promise<{ id: string; version: string; containers: number }>;
  /** The engine's clock in epoch milliseconds, with a precision of one second; NaN: unknown. Rejects as `info`. */
  now(): Promise<number>;
}

/**
 * Reads containers from this host's engine.
 * @param more overrides of the limits
 * @param checksPorts whether it reads on which ports something listens
 * @throws FleetError CONFIG_INVALID
 */
export function dockerEngine(
  settings: DockerSettings,
  more: Partial<EngineLimits> = {},
  checksPorts = false,
): DockerEngine {
  const { options, location } = dockerConnection(settings);
  const limits = { ...engineLimits, ...more };
  const client = engineClient(options, limits);
  const inspected = inspector(client, limits.askMs);
  const isLocal = options.socketPath !== undefined;
  const readPorts = checksPorts && isLocal ? portsReader() : null;
  const unchecked: ObservedPorts = checksPorts
    ? { kind: 'unchecked', why: `the engine at ${location} is not on this machine` }
    : portsOff;

  const known = new KnownEntries<Entry>();
  const list: Engine['list'] = async ({ only, containers, generation }) => {
    const timeLimit = timeLimitFor(containers, limits.listingMs);
    const observe = async (): Promise<EngineAnswer> => {
      const attempt = timeLimit.attempt();
      try {
        const clock = engineClock();
        const listed = await listing(client, only, attempt, budgetOf(limits), clock, known);
        const isWhole = only === null;
        const { containers, bases } = await inspected.complete(listed, {
          isWhole,
          generation: Number(generation),
          now: clock.now,
          wantsBases: readPorts !== null,
        });
        const read = await readPorts?.(bases, isWhole);
        inspected.forget(read?.invalidated ?? []);
        return { kind: 'ok', containers, isWhole, now: clock.now(), ports: read?.ports ?? unchecked };
      } finally {
        attempt.end();
      }
    };
    try {
      return await observe().catch((error: unknown) => {
        if (timeLimit.signal.aborted || !mayPass(error)) throw error;
        return observe();
      });
    } catch (error) {
      return {
        kind: 'unreachable',
        reason: timeLimit.signal.aborted ? timeLimit.over(location) : unreachable(error, location),
      };
    } finally {
      timeLimit.end();
    }
  };

  return {
    location,
    list,
    info: async () => {
      const info = await client.json('/info', AbortSignal.timeout(limits.askMs));
      const [id, version, containers] = ['ID', 'ServerVersion', 'Containers'].map((name) =>
        isObject(info) ? property(info, name) : undefined,
      );
      if (typeof id !== 'string') throw new Error(`${location} did not return its id`);
      return {
        id: keptText(id, 256),
        version: typeof version === 'string' ? keptText(version, 64) : 'unknown',
        containers: typeof containers === 'number' ? containers : 0,
      };
    },
    now: async () => {
      // Not from /info: a socket proxy allows a ping, but often not /info.
      const answer = await client.open('/_ping', {}, AbortSignal.timeout(limits.askMs));
      answer.destroy();
      return Date.parse(answer.headers.date ?? '');
    },
  };
}

interface TimeLimit {
  /** Aborted when the time is over. */
  readonly signal: AbortSignal;
  /** Begins an attempt; all attempts share the time. */
  attempt(): Attempt;
  /** The error message for a timeout. It does not depend on the number of containers that have arrived. */
  over(location: string): string;
  end(): void;
}

interface Attempt {
  /** Aborted when the time is over, and at the end. */
  readonly signal: AbortSignal;
  /** Records that a container has arrived. */
  arrived(): void;
  /** Ends the attempt: when one of several listings fails, it stops the others. */
  end(): void;
}

/** A time limit that grows with the number of containers: those of the last listing, or those that have arrived if these are more. */
function timeLimitFor(lastTime: number, { base, perContainer, max }: EngineLimits['listingMs']): TimeLimit {
  const controller = new AbortController();
  const from = performance.now();
  let arrivedSoFar = 0;
  let timer: NodeJS.Timeout;
  const limitFor = (containers: number): number => Math.min(max, base + perContainer * containers);
  const check = (): void => {
    const left = from + limitFor(Math.max(lastTime, arrivedSoFar)) - performance.now();
    if (left > 0) timer = setTimeout(check, left);
    else controller.abort();
  };
  check();
  return {
    signal: controller.signal,
    attempt: () => {
      const ended = new AbortController();
      let arrived = 0;
      return {
        signal: AbortSignal.any([controller.signal, ended.signal]),
        arrived: () => {
          arrived += 1;
          arrivedSoFar = Math.max(arrivedSoFar, arrived);
        },
        end: () => ended.abort(),
      };
    },
    over: (location) => `${location} did not answer within ${Math.round(limitFor(lastTime) / 1000)} s`,
    end: () => clearTimeout(timer),
  };
}

/** Error codes of lost connections: the engine was restarted, or it closed an idle connection. */
const lost: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);

/** Whether an immediate retry may succeed: the engine may have failed because containers changed during the listing. */
const mayPass = (error: unknown): boolean =>
  error instanceof Refusal
    ? error.status >= 500
    : error instanceof EndedEarly || lost.has(codeOf(error) ?? '');

/**
 * Lists all containers, or those of some deckies. Docker combines labels with AND and names (regular expressions) with OR, and
 * intersects both. So each decky takes one listing by label, and one more lists all their names: a base container has none
 * of DECNET's labels.
 */
async function listing(
  client: Client,
  only: ReadonlySet<string> | null,
  attempt: Attempt,
  budget: Budget,
  clock: Clock,
  known: KnownEntries<Entry>,
): Promise<readonly Listed[]> {
  const ask = async (
    filters: Query,
    known: KnownEntries<Entry> | null = null,
  ): Promise<readonly Listed[]> => {
    // As a stream: the whole answer may be longer than a string can be.
    const answer = await client.open('/containers/json', { all: true, ...filters }, attempt.signal);
    clock.set(answer.headers.date);
    let now = clock.now();
    let taken = 0;
    const found: Listed[] = [];
    const take = (entry: Entry): void => {
      attempt.arrived();
      if (++taken % containersPerClockCheck === 0) now = clock.now();
      found.push(listedOf(entry, now));
    };
    await readListing(answer, entryOf, take, budget, known);
    return found;
  };
  if (only === null || only.size > listedApart) return ask({}, known);
  const names = [...only].map((name) => `^/?${name.replaceAll('.', '\\.')}(-.*)?$`);
  const found = await eachOf(
    [{ name: names }, ...[...only].map((name) => ({ label: [`decnet.fleet.decky=${name}`] }))],
    (filters) => ask({ filters }),
  );
  return [...new Map(found.flat().map((one) => [one.container.name, one])).values()];
}

/** Why the engine did not answer. The text stays the same for the same fault: a changed reason would be a change. */
function unreachable(error: unknown, location: string): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return `there is no socket at ${location}`;
  if (code === 'ECONNREFUSED') return `nothing listens at ${location}`;
  if (code === 'EACCES') return `this user is not allowed to open ${location}`;
  return faultReason(error, `${location}: `);
}
