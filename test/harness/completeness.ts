import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/lib/package.ts';

/** A test that was skipped, and why. */
export interface Skipped {
  readonly file: string;
  readonly name: string;
  readonly why: string;
}

/** Files that hold tests, and that no run finds, since they are not called as test files are. */
async function strays(): Promise<readonly string[]> {
  const holdsTests = /import \{[^}]*\b(?:describe|it|suite|test)\b[^}]*\} from 'node:test'/;
  const found: string[] = [];
  for await (const file of glob('{bench,examples,src,test}/**/*.{ts,js,mjs}', { cwd: packageRoot })) {
    if (/^test\/.*\.test\.ts$/.test(file)) continue;
    if (holdsTests.test(await readFile(join(packageRoot, file), 'utf8'))) found.push(file);
  }
  return found;
}

/**
 * What keeps a run from being complete: a test that was skipped, a file of which none ran, and one that was not
 * found. What needs root an ordinary user may skip.
 * @param files the test files of the run; `ran`: those of which a test passed or failed
 */
export async function gaps(
  files: readonly string[],
  ran: ReadonlySet<string>,
  skipped: readonly Skipped[],
): Promise<readonly string[]> {
  const isExcused = ({ why }: Skipped): boolean => process.getuid?.() !== 0 && /\broot\b/.test(why);
  const excused = new Set(skipped.filter(isExcused).map(({ file }) => file));
  return [
    ...skipped
      .filter((one) => !isExcused(one))
      .map(({ file, name }) => `must not be skipped: ${file}: ${name}`),
    ...files.filter((file) => !ran.has(file) && !excused.has(file)).map((file) => `did not run: ${file}`),
    ...(await strays()).map((file) => `holds tests, and is not called *.test.ts: ${file}`),
  ];
}
