import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** What of DECNET is installed on this machine, found without running it. */
export interface DecnetBeside {
  /** The version of its Python package, and where that is; null: it was not found. */
  readonly found: { readonly version: string; readonly directory: string } | null;
  /** Our units whose names begin with `decnet-`. DECNET's uninstall removes such units. */
  readonly endangered: readonly string[];
  /** The unit `decnet-reconciler.service`, beside a batch unit that conflicts with it; null: not both are there. */
  readonly conflicting: string | null;
}

const unitDirectories = [
  'etc/systemd/system',
  'run/systemd/system',
  'usr/local/lib/systemd/system',
  'usr/lib/systemd/system',
];

/** @param directory where DECNET's state file is; null: unknown @see LIVING.md, "Beside DECNET on one host" */
export async function decnetBeside(directory: string | null, root = '/'): Promise<DecnetBeside> {
  const units = (await Promise.all(unitDirectories.map((one) => unitsIn(join(root, one))))).flat();
  const reconciler = units.find(({ name }) => name === 'decnet-reconciler.service');
  const hasBatch = units.some(({ name }) => name === 'decnet-supervise-batch.service');
  return {
    found: await installed(directory, root),
    endangered: units.filter(({ text }) => startsOurs.test(text)).map(({ path }) => path),
    conflicting: hasBatch && reconciler !== undefined ? reconciler.path : null,
  };
}

/** DECNET has a unit `decnet-fleet-heavy.service` of its own, so that the name alone decides nothing. */
const startsOurs =
  /^ExecStart=.*(?:\/decnet-fleet\/(?:dist|src)\/|\/bin\/decnet-fleet\s|\/(?:worker|scheduler)\.ts(?:\s|$))/m;

interface Unit {
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

async function unitsIn(directory: string): Promise<readonly Unit[]> {
  const names = await readdir(directory).catch(() => []);
  const ofDecnet = names.filter((name) => /^decnet-.*\.service$/.test(name)).sort();
  return Promise.all(
    ofDecnet.map(async (name) => {
      const path = join(directory, name);
      return { name, path, text: await readFile(path, 'utf8').catch(() => '') };
    }),
  );
}

/** The metadata that pip writes beside an installed package: `decnet-1.2.1.dist-info`. */
async function installed(directory: string | null, root: string): Promise<DecnetBeside['found']> {
  const script = await readFile(join(root, 'usr/local/bin/decnet'), 'utf8').catch(() => '');
  const [, python] = /^#!(\S+\/bin\/python\S*)/.exec(script) ?? [];
  const homes = [join(root, 'opt/decnet'), ...(directory === null ? [] : [directory])];
  const environments = [
    ...(python === undefined ? [] : [join(root, dirname(dirname(python)))]),
    ...homes.flatMap((home) => [join(home, '.venv'), join(home, 'venv')]),
  ];
  for (const environment of environments) {
    const lib = join(environment, 'lib');
    const pythons = (await readdir(lib).catch(() => [])).filter((name) => name.startsWith('python3'));
    for (const name of pythons) {
      const packages = await readdir(join(lib, name, 'site-packages')).catch(() => []);
      for (const one of packages) {
        const [, version] = /^decnet-(\d[\w.+!]*)\.dist-info$/i.exec(one) ?? [];
        if (version !== undefined) return { version, directory: environment };
      }
    }
  }
  return null;
}
