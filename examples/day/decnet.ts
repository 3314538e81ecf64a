import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import type { DayEngine, NewContainer } from './engine.ts';

/** Deckies with their services. */
export type Fleet = Readonly<Record<string, readonly string[]>>;

/** Where DECNET's messages go. */
export interface DayBus {
  send(topic: string, payload: object): void;
}

/** What DECNET does on a host: its state file, its containers as Compose manages them, its messages. */
export interface Decnet {
  /** The deckies of the file. */
  readonly declared: Fleet;
  /** When the file was written last, epoch milliseconds. */
  readonly writtenAt: number;
  /** Writes the file with these changes; null: without the decky. */
  declare(change: Readonly<Record<string, readonly string[] | null>>): Promise<void>;
  /** Writes other settings of a service. */
  configure(decky: string, service: string, settings: object): Promise<void>;
  removeFile(): Promise<void>;
  /** `compose up`: creates what is missing, then starts all bases, then all services. */
  up(fleet: Fleet): Promise<void>;
  /** Creates the containers of these services, and starts them. */
  addServices(fleet: Fleet): Promise<void>;
  /** The first part of `compose down`: stops and removes the containers of these services. */
  removeServices(fleet: Fleet): Promise<void>;
  /** The second part: the bases, which need longer to stop. */
  removeBases(names: readonly string[]): Promise<void>;
  lifecycle(names: readonly string[], status: 'running' | 'succeeded' | 'failed'): void;
  mutation(decky: string, from: readonly string[], to: readonly string[]): void;
  /** A change of a running decky's services. */
  live(
    kind: 'service_added' | 'service_removed' | 'service_config_changed',
    decky: string,
    service: string,
  ): void;
  /** STOP in its workers panel. */
  stopReconciler(): void;
}

export const containerName = (decky: string, service: string): string =>
  // As DECNET names them: this one keeps its underscore.
  `${decky}-${service === 'smtp_relay' ? service : service.replaceAll('_', '-')}`;

const composeLabels = (project: string, service: string): Record<string, string> => ({
  'com.docker.compose.project': project,
  'com.docker.compose.service': service,
  'com.docker.compose.container-number': '1',
  'com.docker.compose.oneoff': 'False',
});

export const baseOf = (decky: string): NewContainer => ({
  name: decky,
  labels: composeLabels('decnet', decky),
  joins: null,
  behaviour: 'slow to stop',
});

export const serviceOf = (
  decky: string,
  service: string,
  more: Partial<NewContainer> = {},
): NewContainer => ({
  name: containerName(decky, service),
  labels: {
    ...composeLabels('decnet', `${decky}-${service}`),
    'decnet.fleet.service': 'true',
    'decnet.fleet.decky': decky,
    'decnet.fleet.service_name': service,
  },
  joins: decky,
  behaviour: 'ordinary',
  ...more,
});

/** A base and a service of a MazeNET topology, whose service container is named like one of the fleet. */
export function topologyContainers(decky: string, service: string): readonly [NewContainer, NewContainer] {
  const id = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
  const base = `decnet_t_3fa85f64_${decky}`;
  const labels = { 'decnet.topology.id': id, 'decnet.topology.decky': decky };
  const project = 'decnet-topo-3fa85f64';
  return [
    {
      name: base,
      labels: { ...composeLabels(project, decky), ...labels, 'decnet.topology.role': 'base' },
      joins: null,
      behaviour: 'ordinary',
    },
    {
      name: containerName(decky, service),
      labels: {
        ...composeLabels(project, `${decky}-${service}`),
        ...labels,
        'decnet.topology.service': 'true',
        'decnet.topology.service_name': service,
      },
      joins: base,
      behaviour: 'ordinary',
    },
  ];
}

/** All of them at the same time, as Compose does. */
const all = async <T>(list: readonly T[], act: (one: T) => Promise<void>): Promise<void> => {
  await Promise.all(list.map(act));
};

const servicesOf = (fleet: Fleet): readonly (readonly [decky: string, service: string])[] =>
  Object.entries(fleet).flatMap(([decky, services]) => services.map((service) => [decky, service] as const));

/** @param stateFile the path of DECNET's state file */
export function decnetOn(engine: DayEngine, stateFile: string, bus: DayBus): Decnet {
  const { declared, writtenAt, ...file } = stateFileOf(stateFile);
  const startAll = (fleet: Fleet): Promise<void> =>
    all(servicesOf(fleet), ([decky, service]) => engine.start(containerName(decky, service)));
  const createAll = (fleet: Fleet): Promise<void> =>
    all(servicesOf(fleet), ([decky, service]) => engine.create(serviceOf(decky, service)));
  return {
    ...file,
    get declared() {
      return declared();
    },
    get writtenAt() {
      return writtenAt();
    },
    up: async (fleet) => {
      const names = Object.keys(fleet);
      await all(names, (name) => engine.create(baseOf(name)));
      await createAll(fleet);
      await all(names, (name) => engine.start(name));
      await startAll(fleet);
    },
    addServices: async (fleet) => {
      await createAll(fleet);
      await startAll(fleet);
    },
    removeServices: (fleet) =>
      all(servicesOf(fleet), async ([decky, service]) => {
        await engine.stop(containerName(decky, service));
        await engine.remove(containerName(decky, service));
      }),
    removeBases: (names) =>
      all(names, async (name) => {
        await engine.stop(name);
        await engine.remove(name);
      }),
    ...messagesOn(bus, declared),
  };
}

type Messages = Pick<Decnet, 'lifecycle' | 'mutation' | 'live' | 'stopReconciler'>;

function messagesOn(bus: DayBus, declared: () => Fleet): Messages {
  const lifecycleIds = new Map<string, string>();
  return {
    lifecycle: (names, status) => {
      for (const name of names) {
        if (status === 'running') lifecycleIds.set(name, randomUUID());
        bus.send(`decky.${name}.lifecycle`, {
          lifecycle_id: lifecycleIds.get(name),
          operation: 'deploy',
          status,
          ...(status === 'failed' && {
            error: `CalledProcessError: Command '['docker', 'compose', '-p', 'decnet', '-f', 'decnet-compose.yml', 'up', '--build', '-d']' returned non-zero exit status 1.`,
          }),
        });
      }
    },
    mutation: (decky, from, to) =>
      bus.send(`decky.${decky}.mutation`, {
        decky,
        old_services: from,
        new_services: to,
        trigger: 'scheduled',
      }),
    live: (kind, decky, service) =>
      bus.send(`decky.${decky}.${kind}`, {
        decky_name: decky,
        service_name: service,
        topology_id: null,
        ...(kind === 'service_config_changed'
          ? { service_config: {}, recreated: true }
          : { services: declared()[decky] ?? [] }),
      }),
    stopReconciler: () =>
      bus.send('system.reconciler.control', {
        action: 'stop',
        requested_by: 'admin',
        ts: Math.floor(Date.now() / 1000),
      }),
  };
}

interface StateFile extends Pick<Decnet, 'declare' | 'configure' | 'removeFile'> {
  declared(): Fleet;
  writtenAt(): number;
}

function stateFileOf(path: string): StateFile {
  let deckies: readonly Entry[] = [];
  let made = 0;
  let writtenAt = 0;
  const write = (next: readonly Entry[]): Promise<void> => {
    deckies = next;
    writtenAt = Date.now();
    const config = {
      mode: 'unihost',
      interface: 'eth0',
      subnet: '192.0.2.0/24',
      gateway: '192.0.2.1',
      deckies,
    };
    const text = { config, compose_path: '/opt/decnet/decnet-compose.yml' };
    return writeFile(path, JSON.stringify(text, null, 2));
  };
  return {
    writtenAt: () => writtenAt,
    declared: () => Object.fromEntries(deckies.map(({ name, services }) => [name, services])),
    declare: (change) => {
      const kept = deckies
        .filter(({ name }) => change[name] !== null)
        .map((one) => ({ ...one, services: change[one.name] ?? one.services }));
      const added = Object.entries(change).flatMap(([name, services]) => {
        if (services === null || kept.some((one) => one.name === name)) return [];
        made += 1;
        return [entryOf(name, services, made)];
      });
      return write([...kept, ...added]);
    },
    configure: (decky, service, settings) =>
      write(
        deckies.map((one) =>
          one.name === decky
            ? { ...one, service_config: { ...one.service_config, [service]: settings } }
            : one,
        ),
      ),
    removeFile: async () => {
      deckies = [];
      await rm(path);
    },
  };
}

type Entry = ReturnType<typeof entryOf>;

/** A decky as DECNET writes it. */
const entryOf = (name: string, services: readonly string[], number: number) => ({
  name,
  ip: `192.0.2.${10 + number}`,
  services,
  distro: 'debian12',
  base_image: 'debian:12',
  build_base: 'debian:12',
  hostname: `srv-${name}`,
  archetype: null,
  service_config: {} as Readonly<Record<string, object>>,
  nmap_os: name.startsWith('win') ? 'windows' : 'linux',
  mutate_interval: 30,
  last_mutated: 0,
  last_login_attempt: 0,
  host_uuid: null,
});
