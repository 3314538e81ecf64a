import { age } from './engine-api.ts';
import { engineOf, type FakeEngine } from './fake-engine.ts';

/** A container of a `SmallDocker`. Times are epoch seconds. */
export interface Kept {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  /** Null: never. */
  startedAt: number | null;
  finishedAt: number | null;
  /** Docker's word; default: running. */
  state: string;
  exitCode: number;
  error: string;
  /** The whole network mode. */
  readonly mode: string;
  readonly decky: string | null;
  readonly service: string | null;
}

/** An engine in memory, which tells of its containers what and as exactly as Docker does. It counts what it is asked. */
export interface SmallDocker extends FakeEngine {
  readonly containers: Kept[];
  /** The engine's clock, epoch seconds. */
  now: number;
  /** How often each container was inspected, by its name. */
  readonly inspected: Map<string, number>;
  /** Changes what is reported; each gets what Docker would report. */
  edit: {
    listed(one: Record<string, unknown>, query: string): object | null;
    inspected(one: object, name: string): object | number | Promise<object>;
  };
  add(name: string, more?: Partial<Kept>): Kept;
  /** A base and its services, all started at once. */
  addDecky(name: string, services: readonly string[], startedAt: number): void;
  /** Docker starts it again. */
  restart(name: string, at: number): void;
}

const iso = (at: number | null): string =>
  at === null ? '0001-01-01T00:00:00Z' : new Date(at * 1000).toISOString();

function listedOf(one: Kept, now: number): Record<string, unknown> {
  const since = age(
    1000 * (now - (one.state === 'running' ? (one.startedAt ?? now) : (one.finishedAt ?? now))),
  );
  return {
    Id: one.id,
    Names: [`/${one.name}`],
    Labels:
      one.decky === null ? {} : { 'decnet.fleet.decky': one.decky, 'decnet.fleet.service_name': one.service },
    State: one.state,
    Status: one.state === 'running' ? `Up ${since}` : `Exited (${one.exitCode}) ${since} ago`,
    Created: Math.floor(one.createdAt),
    HostConfig: { NetworkMode: one.mode },
  };
}

const inspectedOf = (one: Kept): object => ({
  Id: one.id,
  RestartCount: 0,
  State: {
    Running: one.state === 'running',
    Paused: false,
    StartedAt: iso(one.startedAt),
    FinishedAt: iso(one.finishedAt),
    ExitCode: one.state === 'running' ? 0 : one.exitCode,
    Error: one.error,
  },
});

export async function smallDocker(now: number): Promise<SmallDocker> {
  const containers: Kept[] = [];
  const inspected = new Map<string, number>();
  const engine = await engineOf((request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?');
    response.setHeader('date', new Date(it.now * 1000).toUTCString());
    if (path === '/containers/json') {
      const all = containers.flatMap(
        (one) => it.edit.listed(listedOf(one, it.now), decodeURIComponent(query)) ?? [],
      );
      response.end(JSON.stringify(all));
      return;
    }
    const asked = /^\/containers\/([^/]+)\/json$/.exec(path)?.[1];
    const found = containers.find(({ id, name }) => id === asked || name === asked);
    if (found === undefined) {
      inspected.set(`${asked}`, (inspected.get(`${asked}`) ?? 0) + 1);
      response.writeHead(404).end('{"message":"No such container"}');
      return;
    }
    inspected.set(found.name, (inspected.get(found.name) ?? 0) + 1);
    void Promise.resolve(it.edit.inspected(inspectedOf(found), found.name)).then((answer) => {
      if (typeof answer === 'number') response.writeHead(answer).end('{"message":"no"}');
      else response.end(JSON.stringify(answer));
    });
  });
  const add: SmallDocker['add'] = (name, more = {}) => {
    const one: Kept = {
      id: (containers.length + 1).toString(16).padStart(64, 'a'),
      name,
      createdAt: it.now - 7200,
      startedAt: more.createdAt ?? it.now - 7200,
      finishedAt: null,
      state: 'running',
      exitCode: 0,
      error: '',
      mode: 'decnet_lan',
      decky: null,
      service: null,
      ...more,
    };
    containers.push(one);
    return one;
  };
  const it: SmallDocker = {
    ...engine,
    containers,
    now,
    inspected,
    edit: { listed: (one) => one, inspected: (one) => one },
    add,
    addDecky: (name, services, at) => {
      const made = { createdAt: at, startedAt: at };
      const { id } = add(name, made);
      for (const service of services)
        add(`${name}-${service}`, { ...made, mode: `container:${id}`, decky: name, service });
    },
    restart: (name, at) => {
      const one = containers.find((it) => it.name === name);
      if (one === undefined) throw new Error(`there is no ${name}`);
      Object.assign(one, { finishedAt: at - 0.1, startedAt: at, state: 'running', error: '' });
    },
  };
  return it;
}
