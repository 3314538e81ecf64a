import { glob, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { packageRoot } from '../src/lib/package.ts';
import { hangWatch } from './support/hang-watch.ts';
import { globalSetup, globalTeardown } from './support/services.ts';

/**
 * Runs all tests, or those of the given files, and lists the skipped ones. With CI set, a skip is a failure, and every suite in
 * test/suites.txt must have run. Tests that need root may be skipped by an ordinary user.
 */
const isStrict = process.env.CI !== undefined && process.env.CI !== '';
const chosen = process.argv.slice(2);

const pattern = join(packageRoot, 'test/**/*.test.ts');
const all = (await Array.fromAsync(glob(pattern))).sort();
const isChosen = (file: string): boolean => chosen.some((part) => relative(packageRoot, file).includes(part));
const files = chosen.length === 0 ? all : all.filter(isChosen);

const ran = new Set<string>();
const skipped: { readonly file: string; readonly name: string; readonly why: string }[] = [];
const isExcused = (why: string): boolean => process.getuid?.() !== 0 && /\broot\b/.test(why);
const counts = { passed: 0, failed: 0 };
const hangs = hangWatch(600_000);
const seconds = new Map<string, number>();

/** In CI the tests of hosts run one file at a time, so that other tests do not affect their timing. */
const isAlone = (file: string): boolean => isStrict && file.includes('/test/hosts/');
await globalSetup();
await runFiles(files.filter(isAlone), 1);
await runFiles(
  files.filter((file) => !isAlone(file)),
  2,
);
await globalTeardown();

async function runFiles(some: readonly string[], concurrency: number): Promise<void> {
  if (some.length === 0) return;
  // A failed test may leave a connection open, which must not block the run.
  const stream = run({ files: [...some], concurrency, signal: hangs.signal, forceExit: true });
  hangs.follow(stream);
  const began = new Map<string, number>();
  stream.on('test:dequeue', ({ file, name }) => {
    if (file !== undefined && name === file) began.set(file, performance.now());
  });
  stream.on('test:complete', ({ file, name }) => {
    const from = file !== undefined && name === file ? began.get(file) : undefined;
    if (from !== undefined) seconds.set(relative(packageRoot, name), (performance.now() - from) / 1000);
  });
  stream.on('test:pass', (event) => {
    const file = relative(packageRoot, event.file ?? '');
    if (event.skip !== undefined) skipped.push({ file, name: event.name, why: String(event.skip) });
    else if (event.details.type !== 'suite') {
      counts.passed += 1;
      ran.add(file);
    }
  });
  stream.on('test:fail', (event) => {
    if (event.details.type !== 'suite') counts.failed += 1;
  });
  stream.compose(spec).pipe(process.stdout, { end: false });
  await new Promise<void>((done) => stream.once('end', done));
  await new Promise((done) => setTimeout(done, 200));
}

for (const { file, name, why } of skipped) console.log(`skipped ${file}: ${name}: ${why}`);
if (isStrict && chosen.length === 0) {
  const expected = (await readFile(join(packageRoot, 'test/suites.txt'), 'utf8')).trim().split('\n');
  const faults = skipped.filter(({ why }) => !isExcused(why));
  const excused = new Set(skipped.filter(({ why }) => isExcused(why)).map(({ file }) => file));
  for (const file of expected) {
    if (ran.has(file) || excused.has(file)) continue;
    console.log(`did not run: ${file}`);
    counts.failed += 1;
  }
  for (const file of ran) {
    if (expected.includes(file)) continue;
    console.log(`not in test/suites.txt: ${file}`);
    counts.failed += 1;
  }
  counts.failed += faults.length;
}
for (const [file, took] of [...seconds].sort(([, a], [, b]) => b - a).slice(0, 10))
  console.log(`${took.toFixed(1).padStart(6)} s  ${file}`);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
