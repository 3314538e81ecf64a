import { type ApiContainer, engineApi } from '../harness/engine-api.ts';
import { engineOf } from '../harness/fake-engine.ts';
import type { Container } from './model.ts';
import { type Timeline, timeline } from './timeline.ts';

/** The behaviour of the engine. */
export type Mood = 'sound' | 'refuses' | 'hangs' | 'slow' | 'drops connections';

/** Docker's API over simulated containers, with its own clock. */
export interface WalkEngine {
  readonly host: string;
  readonly containers: ReadonlyMap<string, Timeline<Container | null>>;
  mood: Mood;
  /** Adds, changes or removes a container, then sends the event, in this order, as Docker does. */
  set(name: string, container: Container | null, action: string): void;
  /** The current containers. */
  now(): readonly Container[];
  /** Ends all event streams. */
  cut(): void;
  stop(): Promise<void>;
}

/** @param aheadMs milliseconds by which its clock is ahead of this machine's */
export async function walkEngine(aheadMs: number): Promise<WalkEngine> {
  const containers = new Map<string, Timeline<Container | null>>();
  let mood: Mood = 'sound';
  const now = (): readonly Container[] =>
    [...containers.values()].map((line) => line.now()).filter((one) => one !== null);
  const api = engineApi({ id: 'walk', aheadMs, now: () => now().map(apiContainer) });

  const server = await engineOf((request, response) => {
    const url = new URL(request.url ?? '', 'http://engine');
    if (mood === 'refuses') response.writeHead(500).end('{"message":"out of order"}');
    else if (mood === 'drops connections') request.socket.destroy();
    else if (mood === 'slow') setTimeout(() => api.answer(url, response), 700);
    else if (mood === 'sound') api.answer(url, response);
    // An engine that hangs accepts the request and does not answer.
  });
  return {
    host: server.host,
    containers,
    get mood() {
      return mood;
    },
    set mood(next) {
      mood = next;
      if (next === 'drops connections') api.cut();
    },
    set: (name, container, action) => {
      const line = containers.get(name) ?? timeline<Container | null>(null);
      const known = container ?? line.now();
      containers.set(name, line);
      line.set(container);
      // An engine that hangs or is down does not replay events.
      if (known !== null && (mood === 'sound' || mood === 'slow')) api.send(apiContainer(known), action);
    },
    now,
    cut: api.cut,
    stop: () => server.stop(),
  };
}

const apiContainer = (one: Container): ApiContainer => ({
  ...one,
  id: `id-${one.name}`,
  labels:
    one.decky === null
      ? { 'com.docker.compose.project': 'decnet' }
      : {
          'decnet.fleet.service': 'true',
          'decnet.fleet.decky': one.decky,
          'decnet.fleet.service_name': one.service ?? '',
        },
  networkMode: 'none',
  error: '',
  finishedAt: one.status === 'running' && one.restarts === 0 ? 0 : one.startedAt,
  restartPolicy: 'unless-stopped',
});
