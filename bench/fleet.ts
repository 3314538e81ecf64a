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

/** One element of Docker's listing with all its fields, 1.2 kB. */
function container(at: number, name: string, labels: Readonly<Record<string, string>>): object {
  return {
    Id: hex(at, 'c'),
    Names: [`/${name}`],
    Image: 'decnet/service:latest',
    ImageID: `sha256:${hex(at, 'f')}`,
    Command: '/entrypoint.sh --config /etc/decnet/service.json --log /var/log/decnet/service.log',
    Created: 1_760_000_000,
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
    HostConfig: { NetworkMode: `container:${hex(at, 'b')}` },
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
    const { decky, service, name } = placeOf(at, services);
    const labels = {
      'decnet.fleet.service': 'true',
      'decnet.fleet.decky': decky,
      'decnet.fleet.service_name': service ?? '',
    };
    yield container(at, name, service === null ? {} : labels);
  }
}

/** Docker's inspection of one of `manyContainers`: the fields of the listing, and the state. */
export function inspection(id: string, services = 3): object {
  const at = Number.parseInt(id.slice(0, 8), 16);
  const { name } = placeOf(at, services);
  return {
    ...container(at, name, {}),
    Name: `/${name}`,
    RestartCount: 0,
    State: { Status: 'running', Running: true, StartedAt: '2026-01-01T00:00:00Z' },
  };
}

/** The decky and service of the container at this index. */
function placeOf(at: number, services: number): { decky: string; service: string | null; name: string } {
  const decky = `decky-${String(Math.floor(at / (services + 1)) + 1).padStart(2, '0')}`;
  const nth = at % (services + 1);
  const service = nth === 0 ? null : (serviceNames[nth - 1] ?? null);
  return { decky, service, name: service === null ? decky : `${decky}-${service}` };
}
