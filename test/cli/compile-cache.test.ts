import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Checkout, testCheckout } from '../harness/checkout.ts';
import type { Env } from '../harness/cli.ts';
import { makeDirectory } from '../harness/directories.ts';
import { plantCode } from '../harness/planted-code.ts';

/** Two users that are not root: the attacker, and the user that runs the product. */
const [nobody, somebody] = [65_534, 65_533];
const notRoot = (process.getuid?.() !== 0 || process.platform !== 'linux') && 'only root can be other users';

interface Program {
  readonly file: string;
  /** A module that the product loads after a cache is enabled. */
  readonly module: string;
  readonly args: readonly string[];
  readonly says: RegExp;
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The cache of each program that the process ran, one after the other. */
  readonly images: readonly {
    readonly file: string;
    readonly cache: string | null;
  }[];
}

describe('Node’s compile cache', { skip: notRoot }, () => {
  let checkout: Checkout;
  let directory: string;
  let marker: string;
  let watch: string;
  const programs = new Map<string, Program>();

  before(async () => {
    checkout = testCheckout();
    const built = await checkout.build();
    directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-cache-'));
    chmodSync(directory, 0o755);
    // The planted code writes its marker here, so any user may write.
    const traces = join(directory, 'traces');
    mkdirSync(traces);
    chmodSync(traces, 0o777);
    marker = join(traces, 'planted-code-ran');
    watch = join(directory, 'watch.mjs');
    writeFileSync(
      watch,
      `import { writeSync } from 'node:fs';
       const cache = process.env.NODE_COMPILE_CACHE ?? null;
       process.on('exit', () => say()); const execve = process.execve;
       process.execve = (...args) => { say(); execve.apply(process, args); };
       const say = () => writeSync(2, 'image ' + JSON.stringify({ file: process.argv[1], cache }) + '\\n');`,
    );
    for (const [kind, root, ending] of [
      ['the checkout', checkout.directory, 'ts'],
      ['the built package', built, 'js'],
    ] as const) {
      programs.set(`worker.${ending} of ${kind}`, {
        file: join(root, `worker.${ending}`),
        module: join(root, 'src', 'cli', `worker-process.${ending}`),
        args: ['--help'],
        says: /^Usage: node worker/,
      });
      programs.set(`bin.${ending} of ${kind}`, {
        file: join(root, 'src', 'cli', `bin.${ending}`),
        module: join(root, 'src', 'cli', `main.${ending}`),
        args: ['--help'],
        says: /^Usage: decnet-fleet/,
      });
    }
  });
  after(() => {
    checkout.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  const location = (mode: number, owner = 0): string => makeDirectory(directory, mode, owner);

  /** Runs a program as a user, with the given directory as /var/cache. */
  function run(
    { file, args }: Program,
    env: Env,
    { user = 0, varCache = location(0o755) } = {},
  ): Promise<Ended> {
    rmSync(marker, { force: true });
    const become = 'setpriv --reuid "$user" --regid "$user" --clear-groups --';
    const script = `mount --bind "$1" /var/cache && user="$2" && shift 2 && exec ${become} "$@"`;
    const command = [process.execPath, '--import', watch, file, ...args];
    const ours = { PATH: process.env.PATH, HOME: '/nonexistent', LANG: 'C.UTF-8' };
    const namespace = ['--mount', '--propagation', 'private', 'sh', '-c'];
    return new Promise((done) => {
      execFile(
        'unshare',
        [...namespace, script, 'sh', varCache, String(user), ...command],
        { env: { ...ours, ...env } as NodeJS.ProcessEnv },
        (error, stdout, stderr) =>
          done({
            code: typeof error?.code === 'number' ? error.code : 0,
            stdout,
            stderr: stderr.replace(/^image .*\n/gm, ''),
            images: [...stderr.matchAll(/^image (.*)$/gm)].map(([, image = '']) => JSON.parse(image)),
          }),
      );
    });
  }

  const filesIn = (cache: string): readonly string[] =>
    readdirSync(cache, { recursive: true, encoding: 'utf8' }).sort();

  /** The program works, does not run the planted code, and writes nothing to that directory. */
  async function untouched(program: Program, cache: string, ended: () => Promise<Ended>): Promise<Ended> {
    const before = filesIn(cache);
    const found = await ended();
    assert.ok(!existsSync(marker), 'planted code ran');
    assert.deepEqual([found.code, found.stderr], [0, '']);
    assert.match(found.stdout, program.says);
    assert.deepEqual(filesIn(cache), before);
    return found;
  }

  for (const name of [
    'worker.ts of the checkout',
    'bin.ts of the checkout',
    'worker.js of the built package',
    'bin.js of the built package',
  ]) {
    const program = (): Program => programs.get(name) ?? assert.fail(name);

    describe(name, () => {
      test('root’s is created in /var/cache, accessible only by root, and used at the next start', async () => {
        const varCache = location(0o755);
        const first = await run(program(), {}, { varCache });
        assert.deepEqual([first.code, first.stderr], [0, '']);
        assert.match(first.stdout, program().says);
        const cache = join(varCache, 'decnet-fleet');
        assert.equal(statSync(cache).mode & 0o7777, 0o700);
        assert.ok(filesIn(cache).length > 10, filesIn(cache).join(' '));
        // What root itself had planted there would run: so it is read.
        rmSync(cache, { recursive: true });
        mkdirSync(cache, { mode: 0o700 });
        plantCode(program().module, cache, marker, 0);
        await run(program(), {}, { varCache });
        assert.ok(existsSync(marker), 'the cache was not read');
      });

      test('code planted in Node’s default directory is not run', async () => {
        const temporary = location(0o1777);
        plantCode(program().module, join(temporary, 'node-compile-cache'), marker, nobody);
        await untouched(program(), temporary, () => run(program(), { TMPDIR: temporary }));
      });

      test('code that another user planted in the new directory is not run', async () => {
        const varCache = location(0o1777);
        const cache = join(varCache, 'decnet-fleet');
        mkdirSync(cache, { mode: 0o700 });
        plantCode(program().module, cache, marker, nobody);
        await untouched(program(), varCache, () => run(program(), {}, { varCache }));
      });

      test('a link of another user at the new path is not followed', async () => {
        const [varCache, cache] = [location(0o1777), location(0o700)];
        plantCode(program().module, cache, marker, 0);
        symlinkSync(cache, join(varCache, 'decnet-fleet'));
        execFileSync('chown', ['-h', String(nobody), join(varCache, 'decnet-fleet')]);
        await untouched(program(), cache, () => run(program(), {}, { varCache }));
      });

      test('an unsafe NODE_COMPILE_CACHE is not used', async () => {
        const cache = location(0o755, nobody);
        plantCode(program().module, cache, marker, nobody);
        const { images } = await untouched(program(), cache, () =>
          run(program(), { NODE_COMPILE_CACHE: cache }),
        );
        assert.deepEqual(
          images.map(({ file, cache: found }) => [file, found]),
          [
            [program().file, cache],
            [program().file, null],
          ],
        );
      });

      test('an own directory in NODE_COMPILE_CACHE is used', async () => {
        const cache = location(0o700);
        const varCache = location(0o755);
        const { code, stderr, images } = await run(program(), { NODE_COMPILE_CACHE: cache }, { varCache });
        assert.deepEqual([code, stderr], [0, '']);
        assert.ok(filesIn(cache).length > 10);
        assert.deepEqual(filesIn(varCache), []);
        assert.deepEqual(new Set(images.map((image) => image.cache)), new Set([cache]));
      });
    });
  }

  describe('an ordinary user', () => {
    const bin = (): Program => programs.get('bin.js of the built package') ?? assert.fail();
    const used = async (env: Env, cache: string | null, home: string): Promise<void> => {
      const { code, stdout, stderr } = await run(bin(), env, { user: somebody });
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, bin().says);
      if (cache === null) assert.deepEqual(filesIn(home), []);
      else {
        assert.deepEqual([statSync(cache).uid, statSync(cache).mode & 0o7777], [somebody, 0o700]);
        assert.ok(filesIn(cache).length > 10);
      }
    };

    test('has it in ~/.cache, which is created if necessary', async () => {
      const home = location(0o755, somebody);
      await used({ HOME: home }, join(home, '.cache', 'decnet-fleet'), home);
      assert.equal(statSync(join(home, '.cache')).mode & 0o7777, 0o700);
    });

    test('or in XDG_CACHE_HOME', async () => {
      const [home, cache] = [location(0o755, somebody), location(0o700, somebody)];
      await used({ HOME: home, XDG_CACHE_HOME: cache }, join(cache, 'decnet-fleet'), home);
      assert.deepEqual(filesIn(home), []);
    });

    for (const [what, make] of [
      ['in a home that others may write to', () => location(0o777, somebody)],
      ['in a home that is read-only', () => location(0o555, somebody)],
      ['in a home of another user', () => location(0o755, nobody)],
    ] as const) {
      test(`has none ${what}`, async () => {
        const home = make();
        await used({ HOME: home }, null, home);
      });
    }

    test('has none without a home', async () => {
      const home = location(0o755);
      await used({ HOME: join(home, 'missing') }, null, home);
      await used({ HOME: undefined }, null, home);
      await used({ HOME: '/nonexistent' }, null, home);
    });
  });
});
