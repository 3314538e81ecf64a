import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../src/lib/package.ts';

interface Import {
  readonly from: string;
  /** A file of the repository, or a package. */
  readonly to: string;
  readonly typeOnly: boolean;
}

const files = await Array.fromAsync(
  glob(['src/**/*.ts', 'jobs/*.ts', 'worker.ts', 'scheduler.ts'], { cwd: packageRoot }),
);
const imports: readonly Import[] = files.flatMap((from) => {
  const text = readFileSync(join(packageRoot, from), 'utf8');
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b(\s+type\b)?[^;'"]*?from\s+'([^']+)'|import\('([^']+)'\)|(?:^|\n)import '([^']+)'/g,
  );
  return [...found].map((match) => {
    const target = match[2] ?? match[3] ?? match[4] ?? '';
    const to = target.startsWith('.')
      ? relative(packageRoot, join(packageRoot, dirname(from), target))
      : target;
    return { from, to, typeOnly: match[1] !== undefined };
  });
});

const neighbours = ['state-file', 'docker', 'database', 'queue', 'bus', 'machine', 'notify'];
const layer = (file: string): string => /^src\/([^/]+)\//.exec(file)?.[1] ?? file;

const ofNeighbours = [
  'fleet',
  'pass',
  'src/lib/database-address.ts',
  'src/lib/database-faults.ts',
  'src/lib/errors.ts',
  'src/lib/log.ts',
];

/** What a layer may import of the repository, beside itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  fleet: ['src/lib/errors.ts'],
  pass: ['fleet', 'src/lib/errors.ts'],
  web: ['fleet', 'pass', 'src/lib/errors.ts', 'src/lib/log.ts', 'src/lib/package.ts'],
  ...Object.fromEntries(neighbours.map((name) => [name, ofNeighbours])),
  bus: [...ofNeighbours, 'src/lib/home.ts'],
  docker: [...ofNeighbours, 'src/lib/home.ts'],
};

describe('imports point to the left', () => {
  test('there is something to look at', () => assert.ok(imports.length > 100, String(imports.length)));

  for (const [name, may] of Object.entries(allowed)) {
    test(`${name} imports ${may.join(', ')} alone`, () => {
      const inside = imports.filter(({ from, to }) => layer(from) === name && /\.ts$/.test(to));
      const wrong = inside.filter(
        ({ to, typeOnly }) =>
          layer(to) !== name &&
          !may.includes(layer(to)) &&
          // The pages are handed their neighbours, and know their shapes.
          !(name === 'web' && typeOnly && neighbours.includes(layer(to))),
      );
      assert.deepEqual(wrong, []);
    });
  }

  test('the rules are pure: no package, no node: module, no clock, no promise', () => {
    const packages = imports.filter(({ from, to }) => layer(from) === 'fleet' && !to.endsWith('.ts'));
    assert.deepEqual(packages, []);
    for (const file of files.filter((one) => layer(one) === 'fleet')) {
      const text = readFileSync(join(packageRoot, file), 'utf8');
      assert.doesNotMatch(
        text,
        /Date\.now|new Date\(\)|Math\.random|performance\.|\bawait\b|Promise|process\./,
        file,
      );
    }
  });

  test('wiring alone imports neighbours, beside types', () => {
    // They ask one part and need no fleet: `doctor` its faults, `build` and `check` what a state file is, and the others
    // the database.
    const commands = ['build', 'check', 'doctor', 'dump', 'restore'].map(
      (name) => `src/cli/commands/${name}.ts`,
    );
    const others = imports.filter(
      ({ from, to, typeOnly }) =>
        !typeOnly &&
        neighbours.includes(layer(to)) &&
        !neighbours.includes(layer(from)) &&
        !['src/app/wiring.ts', 'src/app/one-pass.ts', ...commands].includes(from),
    );
    assert.deepEqual(others, []);
  });

  test('the environment is read at the edge alone', () => {
    const readers = files.filter((file) =>
      /process\.env/.test(readFileSync(join(packageRoot, file), 'utf8')),
    );
    assert.deepEqual(readers.sort(), [
      'src/cli/bin.ts',
      'src/cli/process.ts',
      'src/embedded-postgres/cluster.ts',
      'src/app/reconcile-once.ts',
      'worker.ts',
    ]);
  });

  test('no file is longer than 300 lines', () => {
    const long = files.filter(
      (file) => readFileSync(join(packageRoot, file), 'utf8').split('\n').length > 301,
    );
    assert.deepEqual(long, []);
  });

  test('nothing imports in a circle', () => {
    const next = new Map<string, string[]>();
    for (const { from, to, typeOnly } of imports) {
      if (!typeOnly && to.endsWith('.ts')) next.set(from, [...(next.get(from) ?? []), to]);
    }
    const circles: string[] = [];
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      else for (const to of next.get(file) ?? []) walk(to, [...path, file]);
    };
    for (const file of files) walk(file, []);
    assert.deepEqual([...new Set(circles)], []);
  });
});
