import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import type { Hint, Watcher } from '../pass/triggers.ts';
import { type DockerSettings, dockerConnection } from './connection.ts';

/** What can change a decky's state. `health_status` stands for all its values. */
const actions = ['create', 'start', 'die', 'destroy', 'pause', 'unpause', 'rename', 'health_status'];
/** Milliseconds: to answer a ping, and between two; after that a silent stream is taken for dead. */
const ping = { within: 5000, every: 10_000 };
/** Milliseconds after which a stream is opened anew: a connection that a middle box forgot says nothing. */
const renewAfter = 10 * 60_000;
/** Milliseconds between tries. */
const retry = { first: 200, most: 5000 };

/** Milliseconds for an inspection: as long as the engine works at the container. */
const settleWithin = 5000;

/** One line of Docker's event stream, as far as it is used. */
interface DockerEvent {
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> };
}

/**
 * Follows the engine's events until it is closed. An event never says what happened, only whose containers to look at
 * again; after each connection everything is looked at once, since what happened meanwhile is not replayed for certain.
 * @throws FleetError CONFIG_INVALID
 */
export function watchEngine(settings: DockerSettings): Watcher {
  const docker = new Docker(dockerConnection(settings).options);
  return {
    start: (look, onFault) => {
      const closing = new AbortController();
      const ready = new Promise<void>((done) => {
        void follow(docker, closing.signal, look, onFault, done);
      });
      return { ready, close: async () => closing.abort() };
    },
  };
}

type Look = Parameters<Watcher['start']>[0];

async function follow(
  docker: Docker,
  closing: AbortSignal,
  look: Look,
  onFault: (error: unknown) => void,
  ready: () => void,
): Promise<void> {
  let pause = retry.first;
  let isFirst = true;
  while (!closing.aborted) {
    try {
      await connection(docker, closing, look, () => {
        pause = retry.first;
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
    await sleep(pause, undefined, { signal: closing, ref: false }).catch(() => undefined);
    pause = Math.min(retry.most, pause * 2);
  }
}

/** One connection, from the subscription to its end. */
async function connection(
  docker: Docker,
  closing: AbortSignal,
  look: Look,
  onOpen: () => void,
): Promise<void> {
  const ended = new AbortController();
  const stream = (await docker.getEvents({
    filters: { type: ['container'], event: actions },
    abortSignal: AbortSignal.any([closing, ended.signal, AbortSignal.timeout(renewAfter)]),
  })) as NodeJS.ReadableStream & { destroy(): void };
  // The engine's end is an error event: without a listener it would end the process.
  stream.on('error', () => ended.abort());
  stream.once('close', () => ended.abort());
  onOpen();
  void keepAsking(docker, ended);
  const settled = settler(docker, look);
  try {
    for await (const line of createInterface({ input: stream })) settled(line);
  } finally {
    ended.abort();
    stream.destroy();
  }
}

/** A hung engine keeps its streams open and says nothing: it does not answer a ping either. */
async function keepAsking(docker: Docker, ended: AbortController): Promise<void> {
  while (!ended.signal.aborted) {
    await sleep(ping.every, undefined, { signal: ended.signal, ref: false }).catch(() => undefined);
    if (ended.signal.aborted) return;
    const abortSignal = AbortSignal.any([ended.signal, AbortSignal.timeout(ping.within)]);
    const ask = docker.ping.bind(docker) as (options: { abortSignal: AbortSignal }) => Promise<unknown>;
    await ask({ abortSignal }).catch(() => ended.abort());
  }
}

/**
 * Passes an event on when the engine's listings show it. The engine tells that a container died, or was paused, before
 * it updates what it lists from; an inspection waits for the container's lock, and thus for that update.
 */
function settler(docker: Docker, look: Look): (line: string) => void {
  /** Containers that are being inspected, and what another event said meanwhile. */
  const inspecting = new Map<string, { next: Hint | null }>();
  const settle = async (id: string, first: Hint): Promise<void> => {
    const state: { next: Hint | null } = { next: first };
    inspecting.set(id, state);
    while (state.next !== null) {
      const hint = state.next;
      state.next = null;
      const abortSignal = AbortSignal.timeout(settleWithin);
      // Gone, or too slow: what it looks like now is for the pass to find out.
      await docker
        .getContainer(id)
        .inspect({ abortSignal })
        .catch(() => undefined);
      look(hint);
    }
    inspecting.delete(id);
  };
  return (line) => {
    const event = parse(line);
    if (event === null) return;
    const running = inspecting.get(event.id);
    if (running === undefined) void settle(event.id, event.hint);
    else running.next = event.hint;
  };
}

/** Null: a line that is no event of a container with a name. */
function parse(line: string): { id: string; hint: Hint } | null {
  let event: DockerEvent;
  try {
    event = JSON.parse(line) as DockerEvent;
  } catch {
    return null;
  }
  const { ID: id = '', Attributes: attributes = {} } = event.Actor ?? {};
  const decky = attributes['decnet.fleet.decky'];
  if (decky !== undefined) return { id, hint: { kind: 'decky', name: decky } };
  const names = [attributes.name, attributes.oldName?.replace(/^\//, '')].flatMap((name) => name ?? []);
  return names.length === 0 ? null : { id, hint: { kind: 'containers', names } };
}
