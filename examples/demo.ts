/**
 * `npm run demo`: creates the containers of the example fleet, and of the office in `examples/office.ini`, on this
 * machine's Docker, runs `up` with a separate database, prints suggestions, and removes everything at Ctrl-C.
 * With `-- --simulated` it needs no Docker: a simulated engine plays a day of a DECNET host.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Docker from 'dockerode';
import { parseConfig } from '../src/app/config.ts';
import { buildDeckiesFromIni } from '../src/builder/build.ts';
import { seededRandom } from '../src/builder/random.ts';
import { loadIni } from '../src/builder/specification.ts';
import { dockerConnection } from '../src/docker/connection.ts';
import { reasonOf } from '../src/lib/errors.ts';
import { exampleStateFile, packageRoot } from '../src/lib/package.ts';
import { simulatedDemo } from './simulated-demo.ts';
import { importTinyImage, untilAsked } from './tiny-image.ts';
import { demoDirectory, up } from './up.ts';

const image = 'decnet-fleet-demo';
const label = 'decnet-fleet.demo';

interface Decky {
  readonly name: string;
  readonly services: readonly string[];
}

const { values } = parseArgs({
  options: { simulated: { type: 'boolean', default: false }, minutes: { type: 'string', default: '5' } },
});
if (values.simulated) process.exit(await simulatedDemo(Number(values.minutes)));

const config = parseConfig({
  ...process.env,
  DECNET_FLEET_CONFIG: '/dev/null',
  DATABASE_URL: '',
  REDIS_URL: '',
});
const docker = new Docker(dockerConnection(config.docker).options);
const removeContainers = async (): Promise<void> => {
  const made = await docker.listContainers({ all: true, filters: { label: [`${label}=true`] } });
  await Promise.all(made.map(({ Id }) => docker.getContainer(Id).remove({ force: true })));
};

try {
  await docker.ping();
} catch (error) {
  console.error(
    `The demo requires Docker on this machine: ${reasonOf(error)}. Start it, or set DOCKER_HOST.`,
  );
  process.exit(1);
}
const { directory, stateFile } = await demoDirectory();
let code = 1;
try {
  const deckies = await writeStateFile();
  await removeContainers();
  await importTinyImage(docker, image);
  for (const { name, services } of deckies) {
    await makeContainer(name, {});
    for (const service of services)
      await makeContainer(`${name}-${service.replaceAll('_', '-')}`, {
        'decnet.fleet.service': 'true',
        'decnet.fleet.decky': name,
        'decnet.fleet.service_name': service,
      });
  }
  console.log(`The fleet runs on Docker: ${deckies.map(({ name }) => name).join(', ')}.`);
  console.log(`Open the dashboard at the address below. Then try these commands in another terminal:

  docker kill example-web-ssh          a service fails: the decky becomes degraded
  docker start example-web-ssh         it recovers
  docker pause example-mail-imap       a paused container does not count as running
  docker rm -f $(docker ps -aqf label=decnet.fleet.decky=example-files)      all its containers are removed
  $EDITOR ${stateFile}       changes of the file reach the table

Press Ctrl-C to stop and remove everything.
`);
  code = await up(stateFile, directory, { DECNET_BUS_ENABLED: 'false' });
} catch (error) {
  console.error(`The demo failed: ${reasonOf(error)}`);
} finally {
  await removeContainers().catch(() => undefined);
  await docker
    .getImage(image)
    .remove({ force: true })
    .catch(() => undefined);
  await rm(directory, { recursive: true, force: true });
}
process.exit(code);

/** The deckies of the example and of the office. */
async function writeStateFile(): Promise<readonly Decky[]> {
  const example = JSON.parse(await readFile(exampleStateFile, 'utf8')) as {
    config: { deckies: readonly Decky[] };
  };
  const ini = loadIni(await readFile(join(packageRoot, 'examples', 'office.ini'), 'utf8'));
  const network = { subnet: ini.subnet ?? '', gateway: ini.gateway ?? '', hostIp: '198.51.100.2' };
  const office = buildDeckiesFromIni(ini, { ...network, random: seededRandom(1), now: 0 });
  const deckies = [...example.config.deckies, ...office];
  await writeFile(stateFile, JSON.stringify({ ...example, config: { ...example.config, deckies } }, null, 2));
  return deckies;
}

async function makeContainer(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
  const container = await docker.createContainer({
    name,
    Image: image,
    Labels: { ...labels, [label]: 'true' },
    Cmd: ['/bin/sh', '-c', untilAsked],
    HostConfig: { NetworkMode: 'none' },
  });
  await container.start();
}
