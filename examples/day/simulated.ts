import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiContainer, type EngineApi, engineApi } from '../../test/harness/engine-api.ts';
import { engineOf } from '../../test/harness/fake-engine.ts';
import type { DayEngine, NewContainer } from './engine.ts';

/** An engine that is played from memory and answers Docker's API: for people without Docker. */
export interface SimulatedEngine extends DayEngine {
  /** For DOCKER_HOST. */
  readonly host: string;
  close(): Promise<void>;
}

type Held = { -readonly [K in keyof ApiContainer]: ApiContainer[K] } & {
  readonly behaviour: NewContainer['behaviour'];
  /** Whether someone asked for its end: then Docker does not restart it. */
  isAsked: boolean;
  crashes: boolean;
};

/** Milliseconds that a container needs to start, that a slow one needs to stop, and of the first pause before a restart. */
const times = { start: 100, slowStop: 1500, stop: 100, pause: 100 };

/** The exit codes of a process that ended by SIGKILL, and of a container that could not be started. */
const [killed, notStarted] = [137, 128];

export async function simulatedEngine(): Promise<SimulatedEngine> {
  const containers = new Map<string, Held>();
  const api = engineApi({ id: 'simulated', aheadMs: 0, now: () => [...containers.values()] });
  const server = await engineOf((request, response) =>
    api.answer(new URL(request.url ?? '', 'http://engine'), response),
  );
  return { ...dayEngine(containers, api), host: server.host, close: () => server.stop() };
}

function dayEngine(containers: Map<string, Held>, api: EngineApi): DayEngine {
  const get = (name: string): Held => {
    const found = containers.get(name);
    if (found === undefined) throw new Error(`No such container: ${name}`);
    return found;
  };
  const life = lifecycleOf(containers, api);
  const stop = async (name: string): Promise<void> => {
    const one = get(name);
    if (!isUp(one)) return;
    one.isAsked = true;
    api.send(one, 'kill', { signal: '15' });
    const isSlow = one.behaviour === 'slow to stop';
    await sleep(isSlow ? times.slowStop : times.stop);
    if (isSlow) api.send(one, 'kill', { signal: '9' });
    life.end(one, isSlow ? killed : 0);
    api.send(one, 'stop');
  };
  const start = async (name: string): Promise<void> => {
    await sleep(times.start);
    life.start(get(name));
  };
  return {
    create: async (container) => {
      const owner = container.joins === null ? null : get(container.joins);
      const made = heldOf(container, owner);
      if (containers.has(made.name)) throw new Error(`The name ${made.name} is in use`);
      containers.set(made.name, made);
      api.send(made, 'create');
    },
    start,
    stop,
    kill: async (name) => {
      const one = get(name);
      one.isAsked = true;
      api.send(one, 'kill', { signal: '9' });
      life.end(one, killed);
    },
    restart: async (name) => {
      await stop(name);
      await start(name);
      api.send(get(name), 'restart');
    },
    remove: async (name) => {
      const one = get(name);
      if (isUp(one)) {
        one.isAsked = true;
        api.send(one, 'kill', { signal: '9' });
        life.end(one, killed);
      }
      containers.delete(name);
      api.send(one, 'destroy');
    },
    crash: async (name) => {
      life.end(get(name), killed);
      await sleep(2 * times.pause);
    },
    runOutOfMemory: async (name) => {
      api.send(get(name), 'oom');
      life.end(get(name), killed);
    },
    crashForEver: async (name) => {
      const one = get(name);
      one.crashes = true;
      life.end(one, 1);
      while (one.restarts < 3) await sleep(times.pause);
    },
  };
}

const isUp = ({ status }: Held): boolean => status === 'running' || status === 'restarting';

const heldOf = (container: NewContainer, owner: Held | null): Held => ({
  id: randomBytes(32).toString('hex'),
  name: container.name,
  labels: container.labels,
  networkMode: owner === null ? 'none' : `container:${owner.id}`,
  status: 'created',
  unhealthy: false,
  exitCode: 0,
  error: '',
  restarts: 0,
  restartPolicy: container.restarts === false ? 'no' : 'unless-stopped',
  createdAt: Date.now(),
  startedAt: 0,
  finishedAt: 0,
  behaviour: container.behaviour,
  isAsked: false,
  crashes: false,
});

/** The starts and ends of containers. */
function lifecycleOf(containers: ReadonlyMap<string, Held>, api: EngineApi) {
  const start = (one: Held): void => {
    const owner = one.networkMode.replace('container:', '');
    const joined = [...containers.values()].find(({ id }) => id === owner);
    if (owner !== 'none' && joined?.status !== 'running') {
      one.status = 'exited';
      one.exitCode = notStarted;
      one.error = `cannot join network of a non running container: ${owner}`;
      throw new Error(one.error);
    }
    if (one.behaviour === 'cannot start') throw new Error('there is no program');
    Object.assign(one, { status: 'running', exitCode: 0, error: '', startedAt: Date.now(), isAsked: false });
    api.send(one, 'start');
    if (one.crashes) setTimeout(() => end(one, 1), 50);
  };
  const end = (one: Held, exitCode: number): void => {
    if (one.status !== 'running') {
      // Stopped in the pause before a restart.
      one.status = 'exited';
      return;
    }
    const isRestarted = !one.isAsked && one.restartPolicy === 'unless-stopped';
    one.status = isRestarted ? 'restarting' : 'exited';
    one.exitCode = exitCode;
    one.finishedAt = Date.now();
    api.send(one, 'die', { exitCode: String(exitCode) });
    if (!isRestarted) return;
    // Docker doubles the pause with each restart, up to a minute.
    const pause = Math.min(60_000, times.pause * 2 ** one.restarts);
    const again = (): void => {
      if (one.status !== 'restarting') return;
      one.restarts += 1;
      start(one);
    };
    setTimeout(again, pause).unref();
  };
  return { start, end };
}
