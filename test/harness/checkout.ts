import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/lib/package.ts';

/** A separate checkout that any user may read. */
export interface Checkout {
  readonly directory: string;
  /** Compiles it as for the package. @returns the output directory */
  build(): Promise<string>;
  remove(): void;
}

/**
 * @param ownPackages packages in `node_modules`, or scopes of packages, to copy instead of linking
 * @param absent those to leave out
 */
export function testCheckout(ownPackages: readonly string[] = [], absent: readonly string[] = []): Checkout {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-checkout-'));
  chmodSync(directory, 0o755);
  const copied = [
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'worker.ts',
    'src',
    'jobs',
    'examples',
  ];
  for (const name of copied) cpSync(join(packageRoot, name), join(directory, name), { recursive: true });
  const [from, to] = [join(packageRoot, 'node_modules'), join(directory, 'node_modules')];
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (absent.includes(name)) continue;
    if (!ownPackages.includes(name)) symlinkSync(join(from, name), join(to, name));
    else cpSync(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true });
  }
  return {
    directory,
    build: async () => {
      const compiler = join(from, '.bin', 'tsc');
      // Ignore type errors, which `npm run check` reports: the code is emitted in any case.
      await new Promise((done) =>
        execFile(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: directory }, done),
      );
      const made = join(directory, 'dist');
      if (!existsSync(join(made, 'src', 'cli', 'bin.js'))) throw new Error('nothing was compiled');
      return made;
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
