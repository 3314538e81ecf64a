import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildDeckiesFromIni, readNetwork } from '../src/builder/build.ts';
import { allocateAddresses, buildDeckies } from '../src/builder/flags.ts';
import { seededRandom } from '../src/builder/random.ts';
import { loadIni } from '../src/builder/specification.ts';
import { packageRoot } from '../src/lib/package.ts';

/** The time to build 10,000 deckies; the median of 5. `node bench/build.ts [--deckies 10000]` */
const count = Number(process.argv[process.argv.indexOf('--deckies') + 1]) || 10_000;
const rounds = 5;
const network = { subnet: '10.0.0.0/8', gateway: '10.0.0.1', hostIp: '10.0.0.2' };

const single = Array.from(
  { length: count },
  (_, at) => `[web-${at}]\n[web-${at}.ssh]\nuser=%(name)s\nname=u${at}\n`,
);
const groups = Array.from(
  { length: count / 100 },
  (_, at) => `[g${at}]\namount=100\n[g${at}.http]\nfake_app=x\n`,
);

const fromIni = (text: string) => () =>
  buildDeckiesFromIni(loadIni(text, { rules: 'file' }), { ...network, random: seededRandom(1), now: 0 });

const works: Readonly<Record<string, () => readonly object[]>> = {
  'an INI file, a section and a subsection each': fromIni(single.join('')),
  'an INI file, in groups of 100': fromIni(groups.join('')),
  'from flags, services drawn': () =>
    buildDeckies({
      addresses: allocateAddresses(readNetwork(network), count),
      drawServices: true,
      random: seededRandom(1),
    }),
};

const median = (work: () => void): number => {
  const times = Array.from({ length: rounds }, () => {
    const from = performance.now();
    work();
    return performance.now() - from;
  });
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
};

console.log(`${count} deckies, milliseconds, median of ${rounds}`);
for (const [name, work] of Object.entries(works)) {
  const ms = median(() => {
    if (work().length !== count) throw new Error(`${name}: too few`);
  });
  console.log(`  ${name.padEnd(46)} ${ms.toFixed(0).padStart(5)}`);
}
const command = median(() => {
  const args = [
    'build',
    '-',
    '--subnet',
    network.subnet,
    '--gateway',
    network.gateway,
    '--host-ip',
    network.hostIp,
  ];
  const { status, stderr } = spawnSync(process.execPath, [join(packageRoot, 'src/cli/bin.ts'), ...args], {
    input: groups.join(''),
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(String(stderr));
});
console.log(
  `  ${'the whole command, in groups of 100, printed'.padEnd(46)} ${command.toFixed(0).padStart(5)}`,
);
