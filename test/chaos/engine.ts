import type { ServerResponse } from 'node:http';
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
  const streams = new Set<ServerResponse>();
  let mood: Mood = 'sound';
  const now = (): readonly Container[] =>
    [...containers.values()].map((line) => line.now()).filter((one) => one !== null);
  const engineTime = (at: number): number => at + aheadMs;

  const answer = (url: URL, response: ServerResponse): void => {
    response.setHeader('date', new Date(engineTime(Date.now())).toUTCString());
    response.setHeader('content-type', 'application/json');
    const inspected = /^\/containers\/([^/]+)\/json$/.exec(url.pathname)?.[1];
    if (url.pathname === '/events') {
      response.writeHead(200);
      response.flushHeaders();
      streams.add(response);
      response.on('close', () => streams.delete(response));
    } else if (url.pathname === '/containers/json') {
      const filters = filtersOf(url);
      const listed = now().filter((one) => filters.every((fits) => fits(one)));
      response.end(JSON.stringify(listed.map((one) => listing(one, Date.now(), engineTime))));
    } else if (url.pathname === '/_ping') response.end('OK');
    else if (url.pathname === '/info')
      response.end(
        JSON.stringify({
          ID: 'walk',
          ServerVersion: '0',
          Containers: now().length,
          SystemTime: new Date(engineTime(Date.now())).toISOString(),
        }),
      );
    else {
      const found = containers.get(decodeURIComponent(inspected ?? '').replace(/^id-/, ''))?.now();
      if (found == null) response.writeHead(404).end('{"message":"no such container"}');
      else response.end(JSON.stringify(inspection(found, engineTime)));
    }
  };

  const server = await engineOf((request, response) => {
    const url = new URL(request.url ?? '', 'http://engine');
    if (mood === 'refuses') response.writeHead(500).end('{"message":"out of order"}');
    else if (mood === 'drops connections') request.socket.destroy();
    else if (mood === 'slow') setTimeout(() => answer(url, response), 700);
    else if (mood === 'sound') answer(url, response);
    // An engine that hangs accepts the request and does not answer.
  });
  const cut = (): void => {
    for (const stream of streams) stream.destroy();
  };
  return {
    host: server.host,
    containers,
    get mood() {
      return mood;
    },
    set mood(next) {
      mood = next;
      if (next === 'drops connections') cut();
    },
    set: (name, container, action) => {
      const line = containers.get(name) ?? timeline<Container | null>(null);
      const known = container ?? line.now();
      containers.set(name, line);
      line.set(container);
      const labels = known?.decky == null ? {} : labelsOf(known);
      const event = {
        Type: 'container',
        Action: action,
        Actor: { ID: `id-${name}`, Attributes: { name, ...labels } },
        time: Math.floor(engineTime(Date.now()) / 1000),
      };
      // An engine that hangs or is down does not replay events.
      if (mood === 'sound' || mood === 'slow')
        for (const stream of streams) stream.write(`${JSON.stringify(event)}\n`);
    },
    now,
    cut,
    stop: () => server.stop(),
  };
}

const labelsOf = ({ decky, service }: Container): Record<string, string> => ({
  'decnet.fleet.service': 'true',
  'decnet.fleet.decky': decky ?? '',
  'decnet.fleet.service_name': service ?? '',
});

/** Docker's filters: any value of one kind, combined with AND over the kinds. */
function filtersOf(url: URL): readonly ((one: Container) => boolean)[] {
  const given = JSON.parse(url.searchParams.get('filters') ?? '{}') as Record<string, unknown>;
  return Object.entries(given).map(([kind, said]) => {
    const values = Array.isArray(said) ? said.map(String) : Object.keys(said as object);
    if (kind === 'name') {
      const patterns = values.map((value) => new RegExp(value));
      return ({ name }) => patterns.some((pattern) => pattern.test(name) || pattern.test(`/${name}`));
    }
    if (kind === 'label') {
      return (one) =>
        one.decky !== null &&
        values.every((value) =>
          Object.entries(labelsOf(one)).some(([key, is]) => value === key || value === `${key}=${is}`),
        );
    }
    throw new Error(`the walk’s engine knows no filter ${kind}`);
  });
}

type EngineTime = (at: number) => number;

const listing = (one: Container, now: number, time: EngineTime): object => ({
  Id: `id-${one.name}`,
  Names: [`/${one.name}`],
  Labels: one.decky === null ? { 'com.docker.compose.project': 'decnet' } : labelsOf(one),
  State: one.status,
  Status: statusText(one, now),
  Created: Math.floor(time(one.createdAt) / 1000),
});

function statusText(one: Container, now: number): string {
  if (one.status === 'created') return 'Created';
  if (one.status === 'exited') return `Exited (${one.exitCode}) ${age(now - one.startedAt)} ago`;
  if (one.status === 'restarting') return `Restarting (${one.exitCode}) ${age(now - one.startedAt)} ago`;
  const up = `Up ${age(now - one.startedAt)}`;
  if (one.status === 'paused') return `${up} (Paused)`;
  return one.unhealthy ? `${up} (unhealthy)` : up;
}

/** A duration in Docker's format. */
function age(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  return minutes < 60 ? `${minutes} minutes` : 'About an hour';
}

const inspection = (one: Container, time: EngineTime): object => ({
  Id: `id-${one.name}`,
  Name: `/${one.name}`,
  RestartCount: one.restarts,
  Created: new Date(time(one.createdAt)).toISOString(),
  State: {
    Status: one.status,
    Running: one.status === 'running',
    ExitCode: one.exitCode,
    StartedAt: new Date(time(one.startedAt)).toISOString(),
  },
  Config: { Labels: one.decky === null ? {} : labelsOf(one) },
});
