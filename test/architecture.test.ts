import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../src/lib/package.ts';

interface Import {
  readonly from: string;
  /** A file of the repository or a package. */
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

/** The directory of a file below src. A file directly in src or in the root is its own layer. */
const layer = (file: string): string => {
  const [first = '', second = '', third] = file.split('/');
  if (first === 'src') return third === undefined ? file : second;
  return first;
};

/** The adapters: each implements ports with one external system and does not import the others. */
const neighbours = ['state-file', 'docker', 'database', 'queue', 'bus', 'notify', 'decnet-table'];
const anyLayer = [...new Set(files.map(layer))];

/** The allowed imports of each layer, types included. docs/architecture.md shows them as a diagram. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  fleet: ['lib'],
  builder: ['lib', 'fleet'],
  views: ['lib', 'fleet'],
  pass: ['lib', 'fleet'],
  jobs: ['lib', 'fleet', 'pass'],
  queue: ['lib', 'fleet'],
  worker: ['lib', 'fleet', 'pass', 'jobs', 'queue'],
  'state-file': ['lib', 'fleet', 'worker'],
  docker: ['lib', 'fleet', 'pass', 'worker'],
  database: ['lib', 'fleet', 'pass', 'views'],
  bus: ['lib', 'fleet', 'pass'],
  notify: ['lib', 'fleet', 'pass'],
  'decnet-table': ['lib', 'pass'],
  'embedded-postgres': ['lib', 'fleet'],
  'service-manager': ['lib', 'fleet'],
  web: ['lib', 'fleet', 'views', 'queue'],
  app: anyLayer.filter((name) => name !== 'cli'),
  cli: anyLayer,
  'src/index.ts': ['lib', 'fleet', 'builder', 'app'],
  'worker.ts': ['lib', 'cli'],
  'scheduler.ts': ['cli'],
};

/** Layers of which only types may be imported; `app` passes in the implementations. */
const shapesOnly: Readonly<Record<string, readonly string[]>> = {
  worker: ['queue'],
  web: ['queue'],
  ...Object.fromEntries(neighbours.map((name) => [name, ['pass', 'worker', 'views']])),
};

describe('imports point to the left', () => {
  test('there are imports to check', () => assert.ok(imports.length > 100, String(imports.length)));

  test('every layer is in the table', () => {
    assert.deepEqual(
      anyLayer.filter((name) => allowed[name] === undefined),
      [],
    );
  });

  for (const [name, may] of Object.entries(allowed)) {
    test(`${name} imports only ${may.join(', ') || 'packages'}`, () => {
      const wrong = imports.filter(
        ({ from, to, typeOnly }) =>
          layer(from) === name &&
          /\.ts$/.test(to) &&
          layer(to) !== name &&
          (!may.includes(layer(to)) || (!typeOnly && shapesOnly[name]?.includes(layer(to)) === true)),
      );
      assert.deepEqual(wrong, []);
    });
  }

  test('the rules are pure: no packages, node: modules, clock or promises', () => {
    // Including the files of lib that they import.
    const pure = new Set(files.filter((one) => layer(one) === 'fleet'));
    for (const file of pure)
      for (const { from, to, typeOnly } of imports)
        if (from === file && !typeOnly && to.endsWith('.ts')) pure.add(to);
    const packages = imports.filter(({ from, to }) => pure.has(from) && !to.endsWith('.ts'));
    assert.deepEqual(packages, []);
    for (const file of pure) {
      const text = readFileSync(join(packageRoot, file), 'utf8');
      assert.doesNotMatch(
        text,
        /Date\.now|new Date\(\)|Math\.random|performance\.|\bawait\b|Promise|process\./,
        file,
      );
    }
  });

  test('only app imports adapters, except types', () => {
    // These commands use single parts directly: `doctor` to check them, `build` and `check` to validate a state file, the others
    // to access the database.
    const commands = ['build', 'check', 'doctor', 'dump', 'restore'].map(
      (name) => `src/cli/commands/${name}.ts`,
    );
    const others = imports.filter(
      ({ from, to, typeOnly }) =>
        !typeOnly &&
        neighbours.includes(layer(to)) &&
        !neighbours.includes(layer(from)) &&
        layer(from) !== 'app' &&
        !commands.includes(from),
    );
    assert.deepEqual(others, []);
  });

  test('only the edge reads the environment', () => {
    const readers = files.filter((file) =>
      /process\.env/.test(readFileSync(join(packageRoot, file), 'utf8')),
    );
    assert.deepEqual(readers.sort(), [
      'src/app/reconcile-once.ts',
      'src/cli/bin.ts',
      'src/cli/process.ts',
      'src/embedded-postgres/cluster.ts',
      'worker.ts',
    ]);
  });

  test('no file is longer than 300 lines', () => {
    const long = files.filter(
      (file) => readFileSync(join(packageRoot, file), 'utf8').split('\n').length > 301,
    );
    assert.deepEqual(long, []);
  });

  test('there are no circular imports, types included', () => {
    const next = new Map<string, string[]>();
    for (const { from, to } of imports) {
      if (to.endsWith('.ts')) next.set(from, [...(next.get(from) ?? []), to]);
    }
    const circles: string[] = [];
    const done = new Set<string>();
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (done.has(file)) return;
      done.add(file);
      for (const to of next.get(file) ?? []) walk(to, [...path, file]);
    };
    for (const file of files) walk(file, []);
    assert.deepEqual([...new Set(circles)], []);
  });
});

describe('the documents match the code', () => {
  const text = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');
  const code = files.map(text).join('\n');

  test('every name in the glossary is in the code', () => {
    const rows = [...text('docs/glossary.md').matchAll(/^\| [^|]+ \| [^|]+ \| (`[^|]+`) \|$/gm)];
    const words = rows.flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word),
    );
    assert.ok(words.length > 20, words.join());
    assert.deepEqual(
      words.filter((word) => !new RegExp(`\\b${word}\\b`).test(code)),
      [],
    );
  });

  test('no replaced name is left in the code', async () => {
    // By the word that names no longer contain. SQL may name the columns `told`, `turn`, `notes` and `most`.
    const replaced = [
      'Moved|MovedRow|MoveRow|TimedMove|[Ss]ightings?|Sight|SeenDecky|PortsSeen|workerSeen|onSeen',
      'takeTurn|hadTurn|inTurn|[sS]ilenceTurn|TURN_LOST|\\w+Notes(?<!releaseNotes)|notesOf|\\w+Note(?<!AuditNote|auditNote)',
      '\\w+Looks|[Ll]ooks(?!LikeKey)[A-Z]\\w*|lookEvery\\w*|gatherer|hints|(?<!Early )Hints|noHints|\\w*Hint|revisit|isPause|inSlices|\\w*[aA]tOnce',
      'mend[A-Z]\\w*|tidy|hush|\\w*[a-z]Told(?:[A-Z]\\w*)?|Told\\w*|told[A-Z]\\w*|[Uu]ntold\\w*|\\w*News|[cC]alm\\w*|isCalm',
      'courteous|passLine|[Pp]lace[A-Z]\\w*|[a-z]\\w*Place|dress|spells|outdate|standstill|workerLives|LoginVerdict',
      'controlVerdict|faultOf|patience|isMost|most[A-Z]\\w*',
    ].join('|');
    const all = await Array.fromAsync(
      glob([...files, 'test/**/*.ts', 'bench/*.ts', 'examples/**/*.ts'], { cwd: packageRoot }),
    );
    const found = all
      .filter((file) => file !== 'test/architecture.test.ts')
      .flatMap((file) =>
        [...text(file).matchAll(new RegExp(`\\b(?:${replaced})\\b`, 'g'))].map(
          ([name]) => `${file}: ${name}`,
        ),
      );
    assert.deepEqual(found, []);
  });

  test('no replaced word is left in the documents', async () => {
    const documents = await Array.fromAsync(
      glob(['*.md', 'docs/**/*.md', '.github/**/*.md', 'deploy/**/*.md'], { cwd: packageRoot }),
    );
    const replaced =
      /\b(?:told|sightings?|gatherer|hints?|revisit|mends?|mended|tidy|hush|news|calm|courteous|passline|outdate|standstill)\b/gi;
    const found = documents.flatMap((file) =>
      [
        ...text(file)
          .replace(/`[^`]*`/g, '')
          .matchAll(replaced),
      ].map(([word]) => `${file}: ${word}`),
    );
    assert.ok(documents.length > 50, documents.join());
    assert.deepEqual(found, []);
  });

  test('every directory and file in the architecture document exists', () => {
    const named = [...text('docs/architecture.md').matchAll(/`((?:[\w-]+\/)+(?:[\w-]+\.ts)?)`/g)].map(
      ([, path = '']) => path,
    );
    assert.ok(named.length > 30, named.join());
    assert.deepEqual(
      named.filter(
        (path) => !existsSync(join(packageRoot, path)) && !existsSync(join(packageRoot, 'src', path)),
      ),
      [],
    );
  });

  test('every decision is in the index, with its title', async () => {
    const decisions = await Array.fromAsync(glob('docs/decisions/0*.md', { cwd: packageRoot }));
    const lines = decisions.sort().map((file) => {
      const [, number, title] = /^# (\d{3}) (.*)/.exec(text(file)) ?? [];
      return `* ${number} [${title}](${file.split('/').at(-1)})`;
    });
    assert.deepEqual(text('docs/decisions/README.md').match(/^\* .*/gm), lines);
  });
});
