import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { importTinyImage, untilAsked } from '../../examples/tiny-image.ts';
import { endsWithin } from '../../src/lib/ends-within.ts';
import { findProgram } from './program.ts';
import { waitFor } from './wait.ts';

const run = promisify(execFile);
const image = 'decnet-fleet-test';
/** Many times what removing all containers of a test takes. */
const removalLimitMs = 60_000;

/** The properties of a container. */
export interface Made {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** A shell command; default: sleeps. */
  readonly command?: string;
  readonly health?: string;
  /** The name of the container whose network it uses; default: it has none. */
  readonly joins?: string;
  readonly restart?: boolean;
  /** Default: true. */
  readonly started?: boolean;
}

/** A separate real Docker engine. */
export interface TestEngine {
  readonly host: string;
  readonly docker: Docker;
  /** The daemon's process. */
  readonly pid: number;
  /** Stops the daemon and its containers, and starts it again. */
  restart(): Promise<void>;
  make(container: Made): Promise<Docker.Container>;
  /** The base and the service containers of a decky, as DECNET creates them. */
  makeDecky(name: string, services: readonly string[]): Promise<void>;
  /** The containers of a fixture. */
  makeFixture(list: readonly FixtureDecky[]): Promise<void>;
  container(name: string): Docker.Container;
  /** @param limitMs after these milliseconds the engine counts as locked up, and is started anew; default: a minute */
  removeAll(limitMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface FixtureDecky {
  readonly decky: string;
  readonly containers: readonly { name: string; labels: Record<string, string> }[];
}

/** The reason to skip tests with an engine; false: it is available. */
export const noEngine: string | false =
  process.getuid?.() !== 0
    ? 'Docker: starting dockerd needs root'
    : (await findProgram('dockerd')) === null
      ? 'Docker: there is no dockerd on this machine'
      : false;

export const serviceLabels = (decky: string, service: string): Record<string, string> => ({
  'decnet.fleet.service': 'true',
  'decnet.fleet.decky': decky,
  'decnet.fleet.service_name': service,
});

/** A running service of a decky `web`, as an engine lists it. */
export const runningWeb = {
  Id: 'a'.repeat(64),
  Names: ['/web-ssh'],
  Image: 'debian',
  Labels: serviceLabels('web', 'ssh'),
  State: 'running',
  Status: 'Up 2 hours',
  Created: 1_750_000_000,
};

export async function testEngine(): Promise<TestEngine> {
  const directory = await mkdtemp(join(tmpdir(), 'decnet-fleet-docker-'));
  const socket = join(directory, 'docker.sock');
  const program = (await findProgram('dockerd')) ?? 'dockerd';
  const boot = () =>
    spawn(
      program,
      [
        ...['--host', `unix://${socket}`, '--data-root', join(directory, 'data')],
        ...['--exec-root', join(directory, 'exec'), '--pidfile', join(directory, 'docker.pid')],
        ...['--iptables=false', '--bridge=none'],
      ],
      { stdio: 'ignore' },
    );
  let daemon = boot();
  const docker = new Docker({ socketPath: socket });
  const answers = (): Promise<void> => waitFor(() => docker.ping().then(() => true), 60_000);
  const halt = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const ended = new Promise<void>((done) => daemon.once('exit', () => done()));
    daemon.kill(signal);
    await ended;
  };
  const start = async (): Promise<void> => {
    daemon = boot();
    await answers();
  };
  await answers();
  await importTinyImage(docker, image);

  const make: TestEngine['make'] = async ({
    name,
    labels = {},
    command,
    health,
    joins,
    restart,
    started = true,
  }) => {
    const container = await docker.createContainer({
      name,
      Image: image,
      Labels: { ...labels },
      Cmd: ['/bin/sh', '-c', command ?? untilAsked],
      HostConfig: {
        NetworkMode: joins === undefined ? 'none' : `container:${joins}`,
        ...(restart && { RestartPolicy: { Name: 'always' } }),
      },
      ...(health !== undefined && {
        Healthcheck: { Test: ['CMD-SHELL', health], Interval: 500_000_000, Timeout: 2e9, Retries: 1 },
      }),
    });
    if (started) await container.start().catch((error: unknown) => ignoreFailedStart(error, command));
    return container;
  };
  const removeAll = async (limitMs = removalLimitMs): Promise<void> => {
    const all = await docker.listContainers({ all: true });
    const removed = Promise.all(
      all.map(({ Id }) =>
        docker
          .getContainer(Id)
          .remove({ force: true })
          .catch(() => undefined),
      ),
    );
    // dockerd 20.10 sometimes locks itself up for good when several containers end at once.
    if (await endsWithin(limitMs, removed)) return;
    await halt('SIGKILL');
    // Its containerd ends with it. A pid file that is left would be taken for one that runs.
    await rm(join(directory, 'exec', 'containerd', 'containerd.pid'), { force: true });
    await start();
    await removeAll();
  };
  return {
    host: `unix://${socket}`,
    docker,
    get pid() {
      return daemon.pid ?? 0;
    },
    restart: async () => {
      await halt();
      await start();
    },
    make,
    makeDecky: async (name, services) => {
      await make({ name });
      for (const service of services) {
        await make({ name: `${name}-${service.replaceAll('_', '-')}`, labels: serviceLabels(name, service) });
      }
    },
    makeFixture: async (list) => {
      for (const { name, labels } of list.flatMap(({ containers }) => containers))
        await make({ name, labels });
    },
    container: (name) => docker.getContainer(name),
    removeAll,
    stop: async () => {
      await removeAll().catch(() => undefined);
      await halt();
      await run('umount', ['-l', join(directory, 'data')]).catch(() => undefined);
      await rm(directory, { recursive: true, force: true }).catch(() => undefined);
    },
  };
}

/** A container whose command cannot start stays `created`, as the test needs. */
function ignoreFailedStart(error: unknown, command: string | undefined): void {
  if (command === undefined) throw error;
}
