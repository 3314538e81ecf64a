import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, type Json, property } from '../lib/json.ts';
import { paced } from '../lib/slices.ts';
import type { Trigger, Watcher } from '../worker/triggers.ts';
import { type DockerSettings, dockerConnection } from './connection.ts';
import type { ContainerEvent, Endings } from './endings.ts';
import { heldBytes } from './held-bytes.ts';
import { type EngineLimits, engineLimits, inWords } from './limits.ts';
import { keptDecky, keptName } from './listing.ts';
import { type Client, engineClient, inspection, Refusal } from './request.ts';
import { settler } from './settle.ts';
import { faultReason, keptText } from './words.ts';

/** The events that can change a decky's state. `health_status` includes all its values. */
const actions = ['create', 'start', 'die', 'destroy', 'pause', 'unpause', 'rename', 'health_status'];
/** The events that only tell who ended a container. */
const explaining = ['kill', 'stop', 'oom'];
/** The time limit of a ping in milliseconds. After that the stream is considered dead. */
const pingWithinMs = 5000;
/** The time limit for a stream to begin in milliseconds. Docker sends the headers before the first event. */
const openWithinMs = 10_000;
/** Milliseconds after which a stream is reopened: a firewall may silently drop an idle connection. */
const renewAfterMs = 10 * 60_000;
/** Milliseconds between attempts to connect. */
const retryMs = { first: 200, max: 5000 };
/** The maximum length of a container id in characters; Docker's have 64. */
const longestId = 128;
const longestAction = 64;

type Start = Watcher['start'];

/** An event of a container. */
interface EngineEvent extends ContainerEvent {
  readonly trigger: Trigger;
}

/**
 * Follows the engine's events until it is closed. An event only triggers a new observation of the decky or containers that it
 * names. After each reconnect everything is observed, since events during the interruption may be lost.
 * @param ends takes who ended a container
 * @param more overrides of the limits
 * @throws FleetError CONFIG_INVALID
 */
export function watchEngine(
  settings: DockerSettings,
  ends: Pick<Endings, 'event' | 'lost'>,
  more: Partial<EngineLimits> = {},
): Watcher {
  const { options, location } = dockerConnection(settings);
  const limits = { ...engineLimits, ...more };
  const client = engineClient(options, limits);
  const inspect = async (id: string): Promise<void> => {
    // The container is gone, or the answer is late: the pass observes it in any case.
    await client.answered(inspection(id), AbortSignal.timeout(limits.askMs)).catch(() => undefined);
  };
  return {
    start: (onTrigger, onFault) => {
      const closing = new AbortController();
      const settling = settler(inspect, onTrigger, limits);
      const fault = (error: unknown): void => onFault(new Error(faultReason(error, `${location}: `)));
      const ready = new Promise<void>((done) => {
        let heardAt = performance.now();
        const event = (found: EngineEvent): void => {
          heardAt = performance.now();
          ends.event(found);
          if (!explaining.includes(found.action)) settling.event(found.id, found.trigger);
        };
        const connect = (onOpen: () => void): Promise<void> =>
          connection(client, closing.signal, event, limits, onOpen).then((end) => {
            if (end === 'by the engine') ends.lost((performance.now() - heardAt) / 1000);
          });
        void follow(connect, closing.signal, onTrigger, fault, done);
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
  onTrigger: Parameters<Start>[0],
  onFault: Parameters<Start>[1],
  ready: () => void,
): Promise<void> {
  let pause = retryMs.first;
  let isFirst = true;
  while (!closing.aborted) {
    let openedAt = Number.POSITIVE_INFINITY;
    try {
      await connect(() => {
        openedAt = performance.now();
        // The first connection needs no trigger: the worker's first pass follows it and is a full one.
        if (isFirst) ready();
        else onTrigger({ kind: 'everything' });
      });
    } catch (error) {
      if (closing.aborted) return;
      onFault(error);
    }
    isFirst = false;
    ready();
    // Reset the pause only after a stable connection: each reconnect costs a full pass.
    if (performance.now() - openedAt > retryMs.max) pause = retryMs.first;
    await sleep(pause, undefined, { signal: closing, ref: false }).catch(() => undefined);
    pause = Math.min(retryMs.max, pause * 2);
  }
}

/** Runs one connection from the subscription to its end. @returns who ended it @throws Error when it cannot connect or a line is too long */
async function connection(
  client: Client,
  closing: AbortSignal,
  event: (event: EngineEvent) => void,
  limits: EngineLimits,
  onOpen: () => void,
): Promise<'by the engine' | 'by us'> {
  const ended = new AbortController();
  const renewal = AbortSignal.timeout(renewAfterMs);
  try {
    const stream = await opened(client, closing, ended, renewal);
    onOpen();
    void keepAsking(client, limits.pingEveryMs, ended);
    for await (const line of linesOf(untilItEnds(stream), limits.eventBytes)) {
      const found = parse(line);
      if (found !== null) event(found);
    }
    return [closing, ended.signal, renewal].some(({ aborted }) => aborted) ? 'by us' : 'by the engine';
  } finally {
    ended.abort();
  }
}

async function opened(
  client: Client,
  closing: AbortSignal,
  ended: AbortController,
  renewal: AbortSignal,
): Promise<IncomingMessage> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    ended.abort();
  }, openWithinMs);
  try {
    const filters = { type: ['container'], event: [...actions, ...explaining] };
    const signal = AbortSignal.any([closing, ended.signal, renewal]);
    return await client.open('/events', { filters }, signal);
  } catch (error) {
    if (isLate) throw new Error(`the event stream did not begin within ${openWithinMs / 1000} s`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Ends without an error when the stream ends or breaks: the next attempt shows whether the engine answers. */
async function* untilItEnds(stream: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch {
    // The stream has ended.
  }
}

/** Splits a stream into lines. An incomplete last line is dropped. @throws Error when a line is longer than `lineBytes` */
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

/** Ends the connection when a ping is not answered: an engine that hangs keeps its streams open. */
async function keepAsking(client: Client, everyMs: number, ended: AbortController): Promise<void> {
  while (!ended.signal.aborted) {
    await sleep(everyMs, undefined, { signal: ended.signal, ref: false }).catch(() => undefined);
    if (ended.signal.aborted) return;
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(pingWithinMs)]);
    await client.answered('/_ping', signal).catch((error: unknown) => {
      // A socket proxy that refuses pings also answers.
      if (!(error instanceof Refusal && error.status < 500)) ended.abort();
    });
  }
}

/** Parses an event; null: the line is not an event of a container with a name. */
function parse(line: string): EngineEvent | null {
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
  const names = [attribute('name'), attribute('oldName')].flatMap((name) =>
    name === undefined ? [] : keptName(name),
  );
  const decky = attribute('decnet.fleet.decky');
  const [name = ''] = names;
  if (name === '' && decky === undefined) return null;
  const trigger: Trigger =
    decky === undefined ? { kind: 'containers', names } : { kind: 'decky', name: keptDecky(decky) };
  return { id, name, ...happening(event), signal: signalOf(attribute('signal')), trigger };
}

/** The number of a signal; null: none, or a name. */
const signalOf = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : null;

/** What happened, and when. */
function happening(event: Json | undefined): Pick<ContainerEvent, 'action' | 'at'> {
  const read = (name: string): Json | undefined => (isObject(event) ? property(event, name) : undefined);
  const [action, time, timeNano] = [read('Action'), read('time'), read('timeNano')];
  const seconds = typeof time === 'number' ? time : Date.now() / 1000;
  return {
    action: typeof action === 'string' ? keptText(action, longestAction) : '',
    // Podman and old engines have only whole seconds.
    at: typeof timeNano === 'number' && Math.floor(timeNano / 1e9) === seconds ? timeNano / 1e9 : seconds,
  };
}
