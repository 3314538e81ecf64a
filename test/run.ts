import { randomInt } from 'node:crypto';
import { glob } from 'node:fs/promises';
import { constants, getPriority, setPriority } from 'node:os';
import { join, relative } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { packageRoot } from '../src/lib/package.ts';
import { gaps, type Skipped } from './harness/completeness.ts';
import { hangWatch } from './harness/hang-watch.ts';
import { globalSetup, globalTeardown } from './harness/services.ts';

/**
 * Runs all tests, or those of the files named; says plainly what was skipped, and which files took longest. With CI set,
 * a skip is a failure, and so is a test file of which nothing ran. What needs root an ordinary user may skip.
 */
const isStrict = process.env.CI !== undefined && process.env.CI !== '';
const chosen = process.argv.slice(2);

const all = (await Array.fromAsync(glob('test/**/*.test.ts', { cwd: packageRoot }))).sort();
const isChosen = (file: string): boolean => chosen.some((part) => file.includes(part));
const files = chosen.length === 0 ? all : all.filter(isChosen);

process.env.TEST_SEED ??= String(randomInt(2 ** 31));

const ran = new Set<string>();
const skipped: Skipped[] = [];
const counts = { passed: 0, failed: 0 };
const seconds = new Map<string, number>();
const hangs = hangWatch(600_000);

/** Files that run at the same time. They mostly wait, for up to five times what is promised. */
const concurrency = 6;
/**
 * Measure times, and mostly wait: run one after the other beside the others, but get the processor first. The others keep their
 * priority: they have limits, too, and need not be alone on the machine.
 */
const timed = ['test/living/day.test.ts', 'test/hosts/hundred.test.ts'];
/**
 * Those that take longest begin first, in this order: nothing is left to run beside them at the end. Those with an engine
 * of their own, which work most, are not neighbours.
 */
const longest = [
  'notify/fault-table',
  'cli/reconcile',
  'notify/incidents',
  'web/browser',
  'decnet-table/worker',
  'hosts/faults',
  'cli/output',
  'cli/stopped',
  'decnet-table/drifts',
  'hosts/freshness',
  'hosts/heartbeat',
  'contract/queue',
  'security/large-rows',
  'web/stores-away',
  'decnet-table/contract',
  'queue/stores-away',
  'cli/embedded-up',
  'hosts/chaos',
  'cli/simulated-demo',
  'hosts/clocks',
  'cli/embedded',
  'cli/long-lived',
].map((name) => `test/${name}.test.ts`);
const rank = (file: string): number => (longest.indexOf(file) + longest.length + 1) % (longest.length + 1);

const mayBeFirst = mayRaisePriority();
const beside = mayBeFirst ? timed : [];
const alone = mayBeFirst ? [] : timed;

await globalSetup();
const besideOutput = new PassThrough();
const besideText = text(besideOutput);
await Promise.all([
  runFiles(
    files.filter((file) => beside.includes(file)),
    { preloads: ['high-priority'], output: besideOutput },
  ),
  runFiles(
    files
      .filter((file) => !alone.includes(file) && !beside.includes(file))
      .toSorted((one, other) => rank(one) - rank(other)),
    { concurrency },
  ),
]);
// Only now: their lines would be among those of the others.
besideOutput.end();
process.stdout.write(await besideText);
await runFiles(files.filter((file) => alone.includes(file)));
await globalTeardown();

/** Whether a process may have a higher priority than usual, as root's may. */
function mayRaisePriority(): boolean {
  const usual = getPriority();
  try {
    setPriority(constants.priority.PRIORITY_HIGH);
    setPriority(usual);
    return true;
  } catch {
    return false;
  }
}

/** @param more.preloads modules of the harness that are loaded into the process of each file */
async function runFiles(
  some: readonly string[],
  more: { concurrency?: number; preloads?: readonly string[]; output?: Writable } = {},
): Promise<void> {
  const { concurrency = 1, preloads = [], output = process.stdout } = more;
  if (some.length === 0) return;
  const stream = run({
    files: some.map((file) => join(packageRoot, file)),
    concurrency,
    signal: hangs.signal,
    execArgv: ['ends', ...preloads].flatMap((name) => [
      '--import',
      join(packageRoot, `test/harness/${name}.ts`),
    ]),
  });
  hangs.follow(stream);
  const began = new Map<string, number>();
  // The process of a file is a test of the file's name.
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
  stream.compose(spec).pipe(output, { end: false });
  await new Promise<void>((done) => stream.once('end', done));
  await new Promise((done) => setTimeout(done, 200));
}

for (const { file, name, why } of skipped) console.log(`skipped ${file}: ${name}: ${why}`);
for (const [file, took] of [...seconds].sort(([, a], [, b]) => b - a).slice(0, 10))
  console.log(`${took.toFixed(1).padStart(6)} s  ${file}`);
console.log(`TEST_SEED=${process.env.TEST_SEED} repeats what was random`);
if (isStrict) {
  const found = await gaps(files, ran, skipped);
  for (const gap of found) console.log(gap);
  counts.failed += found.length;
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
