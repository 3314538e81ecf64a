import type { ServerResponse } from 'node:http';

/** Docker's API, answered from containers in memory. Times are epoch milliseconds of this machine. */

export interface ApiContainer {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `none`, or `container:` and an id. */
  readonly networkMode: string;
  readonly status: 'created' | 'running' | 'exited' | 'paused' | 'restarting';
  readonly unhealthy: boolean;
  readonly exitCode: number;
  /** Why Docker could not start it. */
  readonly error: string;
  readonly restarts: number;
  readonly restartPolicy: 'no' | 'unless-stopped';
  readonly createdAt: number;
  /** Of the last start; 0: there was none. */
  readonly startedAt: number;
  /** Of the last end; 0: it has not ended yet. */
  readonly finishedAt: number;
}

export interface ApiSource {
  /** Identifies the engine. */
  readonly id: string;
  /** Milliseconds by which its clock is ahead of this machine's. */
  readonly aheadMs: number;
  now(): readonly ApiContainer[];
}

export interface EngineApi {
  answer(url: URL, response: ServerResponse): void;
  /** Sends an event about a container to all who follow. @param more attributes, for example the signal */
  send(container: Pick<ApiContainer, 'id' | 'name' | 'labels'>, action: string, more?: object): void;
  /** Ends all event streams. */
  cut(): void;
}

export function engineApi(source: ApiSource): EngineApi {
  const streams = new Map<ServerResponse, (action: string) => boolean>();
  const time = (at: number): number => at + source.aheadMs;
  return {
    answer: (url, response) => {
      // Some clients ask for a version of the API.
      const path = url.pathname.replace(/^\/v[\d.]+(?=\/)/, '');
      response.setHeader('date', new Date(time(Date.now())).toUTCString());
      response.setHeader('content-type', 'application/json');
      if (path === '/events') {
        response.writeHead(200);
        response.flushHeaders();
        streams.set(response, followed(url));
        response.on('close', () => streams.delete(response));
      } else if (path === '/_ping') response.end('OK');
      else {
        const found = documentAt(path, url, source, time);
        if (found === null) response.writeHead(404).end('{"message":"no such container"}');
        else response.end(JSON.stringify(found));
      }
    },
    send: ({ id, name, labels }, action, more = {}) => {
      const at = time(Date.now());
      const event = {
        ...{ Type: 'container', Action: action, status: action, id, scope: 'local' },
        Actor: { ID: id, Attributes: { ...labels, ...more, name } },
        ...{ time: Math.floor(at / 1000), timeNano: at * 1e6 },
      };
      for (const [stream, wants] of streams) if (wants(action)) stream.write(`${JSON.stringify(event)}\n`);
    },
    cut: () => {
      for (const stream of streams.keys()) stream.destroy();
    },
  };
}

type Time = (at: number) => number;

/** Null: there is none. */
function documentAt(path: string, url: URL, source: ApiSource, time: Time): object | null {
  const all = source.now();
  if (path === '/containers/json') {
    const filters = filtersOf(url).map(([kind, values]) => filterOf(kind, values));
    const listed = all.filter((one) => filters.every((fits) => fits(one)));
    return listed.map((one) => listing(one, Date.now(), time));
  }
  if (path === '/info')
    return {
      ID: source.id,
      ServerVersion: '0',
      Containers: all.length,
      SystemTime: new Date(time(Date.now())).toISOString(),
    };
  const asked = decodeURIComponent(/^\/containers\/([^/]+)\/json$/.exec(path)?.[1] ?? '');
  const found = all.find(({ id, name }) => id === asked || name === asked);
  return found === undefined ? null : inspection(found, time);
}

function filtersOf(url: URL): readonly (readonly [kind: string, values: readonly string[]])[] {
  const given = JSON.parse(url.searchParams.get('filters') ?? '{}') as Record<string, unknown>;
  return Object.entries(given).map(([kind, said]) => [
    kind,
    Array.isArray(said) ? said.map(String) : Object.keys(said as object),
  ]);
}

function followed(url: URL): (action: string) => boolean {
  const wanted = new Map(filtersOf(url)).get('event');
  return (action) =>
    wanted === undefined || wanted.some((one) => action === one || action.startsWith(`${one}:`));
}

/** Docker's filters: any name, all labels, combined with AND. */
function filterOf(kind: string, values: readonly string[]): (one: ApiContainer) => boolean {
  if (kind === 'name') {
    const patterns = values.map((value) => new RegExp(value));
    return ({ name }) => patterns.some((pattern) => pattern.test(name) || pattern.test(`/${name}`));
  }
  if (kind === 'label')
    return ({ labels }) =>
      values.every((value) =>
        Object.entries(labels).some(([key, is]) => value === key || value === `${key}=${is}`),
      );
  throw new Error(`this engine knows no filter ${kind}`);
}

const listing = (one: ApiContainer, now: number, time: Time): object => ({
  Id: one.id,
  Names: [`/${one.name}`],
  Image: 'decoy',
  Labels: one.labels,
  State: one.status,
  Status: statusText(one, now),
  Created: Math.floor(time(one.createdAt) / 1000),
  HostConfig: { NetworkMode: one.networkMode },
});

function statusText(one: ApiContainer, now: number): string {
  if (one.status === 'created') return 'Created';
  if (one.status === 'exited') return `Exited (${one.exitCode}) ${age(now - one.finishedAt)} ago`;
  if (one.status === 'restarting') return `Restarting (${one.exitCode}) ${age(now - one.finishedAt)} ago`;
  const up = `Up ${age(now - one.startedAt)}`;
  if (one.status === 'paused') return `${up} (Paused)`;
  return one.unhealthy ? `${up} (unhealthy)` : up;
}

/** A duration in Docker's format: rounded down, but hours to the nearest. */
export function age(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (minutes < 60) return `${minutes} minutes`;
  if (hours < 2) return 'About an hour';
  return hours < 48 ? `${hours} hours` : `${Math.floor(seconds / 86_400)} days`;
}

const inspection = (one: ApiContainer, time: Time): object => ({
  Id: one.id,
  Name: `/${one.name}`,
  RestartCount: one.restarts,
  Created: new Date(time(one.createdAt)).toISOString(),
  State: {
    Status: one.status,
    Running: one.status === 'running' || one.status === 'restarting',
    Restarting: one.status === 'restarting',
    ExitCode: one.exitCode,
    Error: one.error,
    StartedAt: timeText(one.startedAt, time),
    FinishedAt: timeText(one.finishedAt, time),
  },
  Config: { Labels: one.labels },
  HostConfig: { NetworkMode: one.networkMode, RestartPolicy: { Name: one.restartPolicy } },
});

/** Docker's year 1 stands for never. */
const timeText = (at: number, time: Time): string =>
  at === 0 ? '0001-01-01T00:00:00Z' : new Date(time(at)).toISOString();
