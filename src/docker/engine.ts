import type { Container, Loop } from '../fleet/plan/container-match.ts';
import type { EngineAnswer } from '../fleet/plan/facts.ts';
import { codeOf } from '../lib/errors.ts';
import { isObject, property } from '../lib/json.ts';
import type { Engine } from '../pass/observe.ts';
import { type DockerSettings, dockerConnection } from './connection.ts';
import { type EngineLimits, engineLimits } from './limits.ts';
import { containerOf, type ListedContainer, loopOf } from './listing.ts';
import { type Budget, budgetOf, EndedEarly, readListing } from './listing-stream.ts';
import { type Client, engineClient, inspection, type Query, Refusal } from './request.ts';
import { faultReason, keptText } from './words.ts';

/** @see CONTRACT.md, "Observed state of a decky" */
const inspectedAtMost = 200;
/** Up to this many deckies are listed one by one; more take one listing of all containers. */
const listedApart = 100;

export interface DockerEngine extends Engine {
  /** The address of the engine, for messages. */
  readonly place: string;
  /** The engine's id and version. Rejects when the engine does not answer or a socket proxy refuses. */
  info(): Promise<{ id: string; version: string; containers: number }>;
  /** The engine's clock in epoch milliseconds, with a precision of one second; NaN: unknown. Rejects as `info`. */
  now(): Promise<number>;
}

/** Reads containers from this host's engine. @param more overrides of the limits @throws FleetError CONFIG_INVALID */
export function dockerEngine(settings: DockerSettings, more: Partial<EngineLimits> = {}): DockerEngine {
  const { options, place } = dockerConnection(settings);
  const limits = { ...engineLimits, ...more };
  const client = engineClient(options, limits);
  const suspects = inspector(client, limits.askMs);

  const list: Engine['list'] = async ({ only, containers, generation }) => {
    const patience = patienceFor(containers, limits.listingMs);
    const look = async (): Promise<EngineAnswer> => {
      const attempt = patience.attempt();
      try {
        const clock = engineClock();
        const listed = await listing(client, only, attempt, budgetOf(limits), clock);
        return { kind: 'ok', containers: await suspects(listed, Number(generation), clock) };
      } finally {
        attempt.end();
      }
    };
    try {
      return await look().catch((error: unknown) => {
        if (patience.signal.aborted || !mayPass(error)) throw error;
        return look();
      });
    } catch (error) {
      return {
        kind: 'unreachable',
        reason: patience.signal.aborted ? patience.over(place) : unreachable(error, place),
      };
    } finally {
      patience.end();
    }
  };

  return {
    place,
    list,
    info: async () => {
      const info = await client.json('/info', AbortSignal.timeout(limits.askMs));
      const [id, version, containers] = ['ID', 'ServerVersion', 'Containers'].map((name) =>
        isObject(info) ? property(info, name) : undefined,
      );
      if (typeof id !== 'string') throw new Error(`${place} did not return its id`);
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

/** The engine's clock, read from the `Date` header of its answers; it may differ from this machine's clock. */
interface Clock {
  /** Sets the clock from an answer. @param date its `Date` header */
  set(date: string | undefined): void;
  /** Epoch seconds. */
  now(): number;
}

function engineClock(): Clock {
  let aheadMs = 0;
  return {
    set: (date) => {
      const at = Date.parse(date ?? '');
      // The header has a precision of one second.
      if (Math.abs(at - Date.now()) >= 2000) aheadMs = at - Date.now();
    },
    now: () => (Date.now() + aheadMs) / 1000,
  };
}

interface Patience {
  /** Aborted when the time is over. */
  readonly signal: AbortSignal;
  /** Begins an attempt; all attempts share the time. */
  attempt(): Attempt;
  /** The error message for a timeout. It does not depend on the number of containers that have arrived. */
  over(place: string): string;
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
function patienceFor(lastTime: number, { base, perContainer, most }: EngineLimits['listingMs']): Patience {
  const controller = new AbortController();
  const from = performance.now();
  let seen = 0;
  let timer: NodeJS.Timeout;
  const limitFor = (containers: number): number => Math.min(most, base + perContainer * containers);
  const look = (): void => {
    const left = from + limitFor(Math.max(lastTime, seen)) - performance.now();
    if (left > 0) timer = setTimeout(look, left);
    else controller.abort();
  };
  look();
  return {
    signal: controller.signal,
    attempt: () => {
      const ended = new AbortController();
      let arrived = 0;
      return {
        signal: AbortSignal.any([controller.signal, ended.signal]),
        arrived: () => {
          arrived += 1;
          seen = Math.max(seen, arrived);
        },
        end: () => ended.abort(),
      };
    },
    over: (place) => `${place} did not answer within ${Math.round(limitFor(lastTime) / 1000)} s`,
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
): Promise<readonly Container[]> {
  const ask = async (filters: Query): Promise<readonly Container[]> => {
    // As a stream: the whole answer may be longer than a string can be.
    const answer = await client.open('/containers/json', { all: true, ...filters }, attempt.signal);
    clock.set(answer.headers.date);
    const take = (listed: ListedContainer): Container => {
      attempt.arrived();
      return containerOf(listed, clock.now());
    };
    return readListing(answer, take, budget);
  };
  if (only === null || only.size > listedApart) return ask({});
  const names = [...only].map((name) => `^/?${name.replaceAll('.', '\\.')}(-.*)?$`);
  const found = await eachOf(
    [{ name: names }, ...[...only].map((name) => ({ label: [`decnet.fleet.decky=${name}`] }))],
    (filters) => ask({ filters }),
  );
  return [...new Map(found.flat().map((one) => [one.name, one])).values()];
}

/** The maximum number of concurrent requests. */
const atOnce = 8;

/** Sends requests with limited concurrency. @returns the answers, in the order of the questions */
async function eachOf<Q, A>(
  questions: readonly Q[],
  ask: (question: Q) => Promise<A>,
): Promise<readonly A[]> {
  const answers: A[] = [];
  const queue = questions.entries();
  const next = async (): Promise<void> => {
    for (const [at, question] of queue) answers[at] = await ask(question);
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  return answers;
}

/** Inspects only containers that may be in a restart loop: a listing does not include restart counts. */
function inspector(client: Client, withinMs: number) {
  const inspect = async (name: string, clock: Clock): Promise<Loop> => {
    try {
      return loopOf(await client.json(inspection(name), AbortSignal.timeout(withinMs)), clock.now());
    } catch {
      // The container is gone, or the answer is late: the next pass inspects it again.
      return { kind: 'suspect' };
    }
  };
  return async (
    listed: readonly Container[],
    generation: number,
    clock: Clock,
  ): Promise<readonly Container[]> => {
    const suspects = listed.filter(({ loop }) => loop.kind === 'suspect');
    if (suspects.length === 0) return listed;
    // Later passes inspect the rest: each begins further on.
    const from = suspects.length <= inspectedAtMost ? 0 : (generation * inspectedAtMost) % suspects.length;
    const chosen = [...suspects.slice(from), ...suspects.slice(0, from)].slice(0, inspectedAtMost);
    const found = await eachOf(chosen, ({ name }) => inspect(name, clock));
    const verdicts = new Map(chosen.map((one, at) => [one, found[at]]));

    return listed.map((one) => {
      const loop = verdicts.get(one);
      return loop === undefined ? one : { ...one, loop };
    });
  };
}

/** Why the engine did not answer. The text stays the same for the same fault: a changed reason would be a change. */
function unreachable(error: unknown, place: string): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return `there is no socket at ${place}`;
  if (code === 'ECONNREFUSED') return `nothing listens at ${place}`;
  if (code === 'EACCES') return `this user is not allowed to open ${place}`;
  return faultReason(error, `${place}: `);
}
