import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, type Json, property } from '../lib/json.ts';
import { paced } from '../lib/slices.ts';
import type { Trigger, Watcher } from '../worker/triggers.ts';
import { type DockerSettings, dockerConnection } from './connection.ts';
import { heldBytes } from './held-bytes.ts';
import { type EngineLimits, engineLimits, inWords } from './limits.ts';
import { keptDecky, keptName } from './listing.ts';
import { type Client, engineClient, inspection, Refusal } from './request.ts';
import { settler } from './settle.ts';
import { faultReason } from './words.ts';

/** What can change a decky's state. `health_status` stands for all its values. */
const actions = ['create', 'start', 'die', 'destroy', 'pause', 'unpause', 'rename', 'health_status'];
/** Milliseconds to answer a ping; after that a silent stream is taken for dead. */
const pingWithinMs = 5000;
/** Milliseconds for a stream to begin: Docker does not wait for an event. */
const openWithinMs = 10_000;
/** Milliseconds after which a stream is opened anew: a connection that a middle box forgot says nothing. */
const renewAfterMs = 10 * 60_000;
/** Milliseconds between tries. */
const retry = { first: 200, most: 5000 };
/** Characters of a container's id: Docker's have 64. */
const longestId = 128;

type Start = Watcher['start'];
type Event = ReturnType<typeof settler>['event'];

/**
 * Follows the engine's events until it is closed. An event never says what happened, only whose containers to look at
 * again; after each connection everything is looked at once, since what happened meanwhile is not replayed for certain.
 * @param more other limits than usual
 * @throws FleetError CONFIG_INVALID
 */
export function watchEngine(settings: DockerSettings, more: Partial<EngineLimits> = {}): Watcher {
  const { options, place } = dockerConnection(settings);
  const limits = { ...engineLimits, ...more };
  const client = engineClient(options, limits);
  const inspect = async (id: string): Promise<void> => {
    // Gone, or too slow: what it looks like now is for the pass to find out.
    await client.answered(inspection(id), AbortSignal.timeout(limits.askMs)).catch(() => undefined);
  };
  return {
    start: (look, onFault) => {
      const closing = new AbortController();
      const settling = settler(inspect, look, limits);
      const fault = (error: unknown): void => onFault(new Error(faultReason(error, `${place}: `)));
      const ready = new Promise<void>((done) => {
        const connect = (onOpen: () => void): Promise<void> =>
          connection(client, closing.signal, settling.event, limits, onOpen);
        void follow(connect, closing.signal, look, fault, done);
      });
      return {
        ready,
        close: async () => {
          closing.abort();
          settling.close();
        },
      };
    },
  };
}

async function follow(
  connect: (onOpen: () => void) => Promise<void>,
  closing: AbortSignal,
  look: Parameters<Start>[0],
  onFault: Parameters<Start>[1],
  ready: () => void,
): Promise<void> {
  let pause = retry.first;
  let isFirst = true;
  while (!closing.aborted) {
    let openedAt = Number.POSITIVE_INFINITY;
    try {
      await connect(() => {
        openedAt = performance.now();
        // The worker's own first pass comes after the first connection, and looks at everything.
        if (isFirst) ready();
        else look({ kind: 'everything' });
      });
    } catch (error) {
      if (closing.aborted) return;
      onFault(error);
    }
    isFirst = false;
    ready();
    // Of a stream that breaks as soon as it is there, each try costs a full pass.
    if (performance.now() - openedAt > retry.most) pause = retry.first;
    await sleep(pause, undefined, { signal: closing, ref: false }).catch(() => undefined);
    pause = Math.min(retry.most, pause * 2);
  }
}

/** One connection, from the subscription to its end. @throws Error there was none, or a line is too long */
async function connection(
  client: Client,
  closing: AbortSignal,
  event: Event,
  limits: EngineLimits,
  onOpen: () => void,
): Promise<void> {
  const ended = new AbortController();
  try {
    const stream = await opened(client, closing, ended);
    onOpen();
    void keepAsking(client, limits.pingEveryMs, ended);
    for await (const line of linesOf(untilItEnds(stream), limits.eventBytes)) {
      const found = parse(line);
      if (found !== null) event(found.id, found.trigger);
    }
  } finally {
    ended.abort();
  }
}

async function opened(
  client: Client,
  closing: AbortSignal,
  ended: AbortController,
): Promise<IncomingMessage> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    ended.abort();
  }, openWithinMs);
  try {
    const filters = { type: ['container'], event: actions };
    const signal = AbortSignal.any([closing, ended.signal, AbortSignal.timeout(renewAfterMs)]);
    return await client.open('/events', { filters }, signal);
  } catch (error) {
    if (isLate) throw new Error(`its events did not begin within ${openWithinMs / 1000} s`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The engine's end, and ours, is no fault: the next try tells whether the engine is there. */
async function* untilItEnds(stream: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch {
    // It has ended.
  }
}

/** The lines of what arrives; one without an end is none. @throws Error a line is longer */
async function* linesOf(chunks: AsyncIterable<Buffer>, lineBytes: number): AsyncGenerator<string> {
  const held = heldBytes();
  const hold = (bytes: Buffer): void => {
    if (held.length() + bytes.length > lineBytes)
      throw new Error(`a line of its events is longer than ${inWords(lineBytes)}`);
    held.add(bytes);
  };
  const pause = paced();
  for await (const chunk of chunks) {
    await pause();
    let from = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', from)) {
      hold(chunk.subarray(from, end));
      from = end + 1;
      if (held.length() > 0) yield held.view().toString();
      held.drop(held.length());
    }
    hold(chunk.subarray(from));
  }
}

/** A hung engine keeps its streams open and says nothing: it does not answer a ping either. */
async function keepAsking(client: Client, everyMs: number, ended: AbortController): Promise<void> {
  while (!ended.signal.aborted) {
    await sleep(everyMs, undefined, { signal: ended.signal, ref: false }).catch(() => undefined);
    if (ended.signal.aborted) return;
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(pingWithinMs)]);
    await client.answered('/_ping', signal).catch((error: unknown) => {
      // A socket proxy that lets no ping through answers, too.
      if (!(error instanceof Refusal && error.status < 500)) ended.abort();
    });
  }
}

/** Null: a line that is no event of a container with a name. */
function parse(line: string): { id: string; trigger: Trigger } | null {
  let event: Json | undefined;
  try {
    event = JSON.parse(line) as Json;
  } catch {
    return null;
  }
  const actor = isObject(event) ? property(event, 'Actor') : undefined;
  const [id, said] = isObject(actor) ? [property(actor, 'ID'), property(actor, 'Attributes')] : [];
  if (typeof id !== 'string' || id === '' || id.length > longestId || !isObject(said)) return null;
  const attribute = (name: string): string | undefined => {
    const value = property(said, name);
    return typeof value === 'string' ? value : undefined;
  };
  const decky = attribute('decnet.fleet.decky');
  if (decky !== undefined) return { id, trigger: { kind: 'decky', name: keptDecky(decky) } };
  const names = [attribute('name'), attribute('oldName')].flatMap((name) =>
    name === undefined ? [] : keptName(name),
  );
  return names.length === 0 ? null : { id, trigger: { kind: 'containers', names } };
}
