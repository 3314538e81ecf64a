import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { untilAsked } from '../tiny-image.ts';

/** A container as DECNET's Compose creates it. */
export interface NewContainer {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The name of the container whose network it joins; null: it has a network of its own. */
  readonly joins: string | null;
  /** `slow to stop`: it ignores SIGTERM, as a base does. `cannot start`: its program is missing. */
  readonly behaviour: 'ordinary' | 'slow to stop' | 'cannot start';
  /** Whether Docker restarts it when it ends by itself; default: true. */
  readonly restarts?: boolean;
}

/** What a day does with the containers of a host, on a real engine or on a simulated one. Containers are known by name. */
export interface DayEngine {
  create(container: NewContainer): Promise<void>;
  /** @throws Error as Docker does, for example when the container cannot join its network */
  start(name: string): Promise<void>;
  /** SIGTERM, then SIGKILL. */
  stop(name: string): Promise<void>;
  kill(name: string): Promise<void>;
  restart(name: string): Promise<void>;
  /** Kills it if it runs. */
  remove(name: string): Promise<void>;
  /** Its process ends, though nobody asked Docker for it. Resolves when Docker has restarted it, if it does. */
  crash(name: string): Promise<void>;
  /** It gets little memory and takes more, so that the kernel kills its process. Resolves when it has ended. */
  runOutOfMemory(name: string): Promise<void>;
  /** Its process ends with code 1, now and after each start. Resolves after three restarts. */
  crashForEver(name: string): Promise<void>;
}

/** Seconds until SIGKILL. DECNET waits 10. */
const stopSeconds = 2;

/**
 * At SIGUSR1, and at each start, it looks for two files, which stay over restarts: with one it ends with code 1, with the
 * other it takes all memory.
 */
const service = `look() {
  if [ -e /crash ]; then exit 1; fi
  if [ -e /grow ]; then text=x; while :; do text=$text$text; done; fi
}
trap look USR1; look; ${untilAsked}`;
/** Bytes with which the shell above runs, but not for long. */
const littleMemory = 16 * 1024 * 1024;

const commands: Readonly<Record<NewContainer['behaviour'], readonly string[]>> = {
  ordinary: ['/bin/sh', '-c', service],
  'slow to stop': ['/bin/sh', '-c', untilAsked.replace('"exit 0"', '""')],
  'cannot start': ['/there-is-no-program'],
};

/** The containers of a real engine on this machine. @param image an image with a shell */
export function realEngine(docker: Docker, image: string): DayEngine {
  const container = (name: string): Docker.Container => docker.getContainer(name);
  /** Signals its process, which Docker is not asked to do. @returns the process id */
  const signal = async (name: string, which: NodeJS.Signals): Promise<number> => {
    const { State } = await container(name).inspect();
    // Zero is the process group of this process.
    if (State.Pid <= 0) throw new Error(`${name} does not run`);
    process.kill(State.Pid, which);
    return State.Pid;
  };
  /** Makes a file in it, and lets its process look. */
  const makeFile = async (name: string, path: string): Promise<void> => {
    const made = await container(name).exec({ Cmd: ['/bin/sh', '-c', `: > ${path}`] });
    const stream = await made.start({});
    stream.resume();
    await new Promise((done) => stream.once('end', done));
    // The stream ends when nothing is attached to it, which may be before the shell has run.
    await until(name, made, ({ ExitCode }) => ExitCode !== null);
    await signal(name, 'SIGUSR1');
  };
  return {
    create: async ({ name, labels, joins, behaviour, restarts = true }) => {
      const network = joins === null ? 'none' : `container:${(await container(joins).inspect()).Id}`;
      await docker.createContainer({
        name,
        Image: image,
        Labels: { ...labels },
        Cmd: [...commands[behaviour]],
        HostConfig: {
          NetworkMode: network,
          ...(restarts && { RestartPolicy: { Name: 'unless-stopped' } }),
        },
      });
    },
    start: async (name) => {
      await container(name).start();
    },
    stop: async (name) => {
      await container(name).stop({ t: stopSeconds });
    },
    kill: async (name) => {
      await container(name).kill();
    },
    restart: async (name) => {
      await container(name).restart({ t: stopSeconds });
    },
    remove: async (name) => {
      await container(name).remove({ force: true });
    },
    crash: async (name) => {
      const killed = await signal(name, 'SIGKILL');
      await until(name, container(name), (now) => {
        const isRestarted = now.HostConfig.RestartPolicy?.Name === 'unless-stopped';
        return now.State.Pid !== killed && now.State.Running === isRestarted;
      });
    },
    runOutOfMemory: async (name) => {
      await container(name).update({ Memory: littleMemory, MemorySwap: littleMemory });
      await makeFile(name, '/grow');
      await until(name, container(name), ({ State }) => State.OOMKilled && !State.Running);
    },
    crashForEver: async (name) => {
      await makeFile(name, '/crash');
      await until(name, container(name), ({ RestartCount }) => RestartCount >= 3);
    },
  };
}

/** @param what a container, or what is run in it @throws Error after 30 s */
async function until<T>(
  name: string,
  what: { inspect(): Promise<T> },
  holds: (found: T) => boolean,
): Promise<void> {
  const from = performance.now();
  while (!holds(await what.inspect())) {
    if (performance.now() - from > 30_000) throw new Error(`${name} did not change within 30 s`);
    await sleep(10);
  }
}
