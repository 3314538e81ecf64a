import { buildDeckies } from '../src/fleet/builder/flags.ts';
import { seededRandom } from '../src/fleet/builder/random.ts';

const serviceNames = ['ssh', 'http', 'smb', 'ftp', 'rdp', 'smtp'];

/** A state file of many deckies, as DECNET writes one. */
export function manyDeckies(count: number, services = 3): object {
  const addresses = Array.from(
    { length: count },
    (_, at) => `10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`,
  );
  const deckies = buildDeckies({
    addresses,
    services: serviceNames.slice(0, services),
    random: seededRandom(1),
  });
  return { config: { mode: 'unihost', deckies }, compose_path: '/var/lib/decnet/docker-compose.yml' };
}

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

/** The containers of `manyDeckies`: a base and one of each service. */
export function* manyContainers(count: number, services = 3): Generator<object> {
  let at = 0;
  for (let decky = 1; decky <= count; decky++) {
    const name = `decky-${String(decky).padStart(2, '0')}`;
    yield container(at++, name, {});
    for (const service of serviceNames.slice(0, services))
      yield container(at++, `${name}-${service}`, {
        'decnet.fleet.service': 'true',
        'decnet.fleet.decky': name,
        'decnet.fleet.service_name': service,
      });
  }
}
