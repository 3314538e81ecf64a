import type { BuiltDecky } from '../src/builder/build.ts';
import { buildDeckies } from '../src/builder/flags.ts';
import { seededRandom } from '../src/builder/random.ts';
import type { JobResult } from '../src/fleet/job.ts';

const serviceNames = ['ssh', 'http', 'smb', 'ftp', 'rdp', 'smtp'];

/** Builds deckies with the first `services` services. */
export const builtDeckies = (count: number, services = 3): readonly BuiltDecky[] =>
  buildDeckies({
    addresses: Array.from(
      { length: count },
      (_, at) => `10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`,
    ),
    services: serviceNames.slice(0, services),
    random: seededRandom(1),
  });

/** A state file with these deckies, as DECNET writes it. */
export const stateFileOf = (deckies: readonly object[]): object => ({
  config: { mode: 'unihost', deckies },
  compose_path: '/var/lib/decnet/docker-compose.yml',
});

/** A state file of many deckies. */
export const manyDeckies = (count: number, services = 3): object =>
  stateFileOf(builtDeckies(count, services));

/** The result of a pass without changes. */
export const quietResult = (host: string, job: string, dryRun = false): JobResult => ({
  host_uuid: host,
  job_id: job,
  inserted: 0,
  deleted: 0,
  state_updated: 0,
  config_updated: 0,
  held: 0,
  contested: [],
  docker: 'ok',
  duration_ms: 20,
  dry_run: dryRun,
});

const hex = (at: number, salt: string): string =>
  `${at.toString(16).padStart(8, '0')}${salt}`.padEnd(64, '0');

/** All containers were started three hours ago, as soon as they were made. */
const startedAt = Math.floor(Date.now() / 1000) - 3 * 3600;

/** One element of Docker's listing with all its fields, 1.2 kB. @param base the index of the base that it joins */
function container(
  at: number,
  name: string,
  labels: Readonly<Record<string, string>>,
  base: number | null,
): object {
  return {
    Id: hex(at, 'c'),
    Names: [`/${name}`],
    Image: 'decnet/service:latest',
    ImageID: `sha256:${hex(at, 'f')}`,
    Command: '/entrypoint.sh --config /etc/decnet/service.json --log /var/log/decnet/service.log',
    Created: startedAt,
    Ports: [],
    Labels: {
      'com.docker.compose.project': 'decnet',
      'com.docker.compose.service': name,
      'com.docker.compose.version': '2.29.0',
      'com.docker.compose.config-hash': hex(at, 'a'),
      'com.docker.compose.container-number': '1',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.project.config_files': '/var/lib/decnet/docker-compose.yml',
      ...labels,
    },
    State: 'running',
    Status: 'Up 3 hours',
    HostConfig: { NetworkMode: base === null ? 'decnet' : `container:${hex(base, 'c')}` },
    NetworkSettings: {
      Networks: {
        decnet: {
          IPAMConfig: null,
          Links: null,
          Aliases: null,
          NetworkID: hex(at, 'd'),
          EndpointID: hex(at, 'e'),
          Gateway: '',
          IPAddress: '',
          IPPrefixLen: 0,
          MacAddress: '',
        },
      },
    },
    Mounts: [],
  };
}

/** The containers of `builtDeckies`: a base and one of each service. */
export function* manyContainers(count: number, services = 3): Generator<object> {
  for (let at = 0; at < count * (services + 1); at++) {
    const { decky, service, name, base } = locationOf(at, services);
    const labels = {
      'decnet.fleet.service': 'true',
      'decnet.fleet.decky': decky,
      'decnet.fleet.service_name': service ?? '',
    };
    yield container(at, name, service === null ? {} : labels, base);
  }
}

/** Docker's inspection of one of `manyContainers`: the fields of the listing, and the state. @param named its name or id */
export function inspection(named: string, services = 3): object {
  const at = indexOf(named, services);
  const { name, base } = locationOf(at, services);
  return {
    ...container(at, name, {}, base),
    Name: `/${name}`,
    RestartCount: 0,
    State: { Status: 'running', Running: true, StartedAt: new Date(startedAt * 1000).toISOString() },
  };
}

/** The index of the container with this name or id. */
function indexOf(named: string, services: number): number {
  const [, decky, service] = /^decky-(\d+)(?:-(.+))?$/.exec(named) ?? [];
  if (decky === undefined) return Number.parseInt(named.slice(0, 8), 16);
  const base = (Number(decky) - 1) * (services + 1);
  return service === undefined ? base : base + 1 + serviceNames.indexOf(service);
}

/** The decky and service of the container at this index. */
function locationOf(
  at: number,
  services: number,
): { decky: string; service: string | null; name: string; base: number | null } {
  const decky = `decky-${String(Math.floor(at / (services + 1)) + 1).padStart(2, '0')}`;
  const nth = at % (services + 1);
  const service = nth === 0 ? null : (serviceNames[nth - 1] ?? null);
  return service === null
    ? { decky, service, name: decky, base: null }
    : { decky, service, name: `${decky}-${service}`, base: at - nth };
}
