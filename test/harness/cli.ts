import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../src/lib/package.ts';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Its output so far. */
  output(): string;
  /** Resolves when its output matches; rejects when it ends, or after `within` milliseconds. */
  said(pattern: RegExp, within?: number): Promise<string>;
}

/** The run's compile cache, which only the user of the tests may use. @see services.ts */
export const compileCache = { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE };

/** Only the variables of the test and those that a process needs, not the developer's settings. */
export const bare = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  DECNET_FLEET_CONFIG: '/dev/null',
  LANG: 'C.UTF-8',
  // Tests write their state files a moment before: without this every missing container would be a deployment's.
  DECNET_ROLLOUT: '0',
};

/** The services: they set flags of V8 before they load the rest. Code that was compiled with other flags is compiled again. */
const services: ReadonlySet<string> = new Set([
  'worker.ts',
  'scheduler.ts',
  'worker',
  'scheduler',
  'dashboard',
]);

/** The run's compile cache for a program: the services have one of their own. */
const cacheOf = (program: string, [command = '']: readonly string[]): Env => {
  const { NODE_COMPILE_CACHE: shared } = compileCache;
  const isService = services.has(program) || services.has(command);
  return { NODE_COMPILE_CACHE: shared && isService ? join(shared, 'services') : shared };
};

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Starts one of the programs of the checkout, as a user would.
 * @param input the content of its standard input
 * @param user the user to run it as, and its working directory
 */
export function start(
  args: readonly string[],
  env: Env,
  program = 'src/cli/bin.ts',
  input = '',
  user: { uid?: number; gid?: number; cwd?: string } = {},
): Running {
  const child = spawn(process.execPath, [join(packageRoot, program), ...args], {
    ...user,
    env: { ...bare, ...(user.uid === undefined && cacheOf(program, args)), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // It may end before it has read all input.
  child.stdin.on('error', () => undefined).end(input);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const finished = new Promise<Finished>((done) => {
    child.once('close', (code) => done({ code, stdout, stderr }));
  });
  const output = (): string => stdout + stderr;
  return {
    child,
    finished,
    output,
    said: (pattern, within = 150_000) =>
      new Promise((done, fail) => {
        const look = (): boolean => {
          if (!pattern.test(output())) return false;
          clearTimeout(timer);
          done(output());
          return true;
        };
        const timer = setTimeout(() => fail(new Error(`never said ${pattern}:\n${output()}`)), within);
        child.stdout.on('data', look);
        child.stderr.on('data', look);
        void finished.then(({ code }) => {
          clearTimeout(timer);
          if (!look()) fail(new Error(`ended with ${code} before it said ${pattern}:\n${output()}`));
        });
        look();
      }),
  };
}

/** Starts a dashboard at a free port. */
export async function startDashboard(
  env: Env,
): Promise<{ readonly dashboard: Running; readonly url: string }> {
  const dashboard = start(['dashboard', '--port', '0'], env);
  try {
    return {
      dashboard,
      url: /http:\S+/.exec(await dashboard.said(/The dashboard is at http:\S+/))?.[0] ?? '',
    };
  } catch (error) {
    dashboard.child.kill('SIGKILL');
    throw error;
  }
}

/** Runs `decnet-fleet` to its end. */
export const cli = (args: readonly string[], env: Env): Promise<Finished> => start(args, env).finished;

/** The one JSON document on stdout of a command that succeeded. */
export async function cliJson<T>(args: readonly string[], env: Env): Promise<T> {
  const done = await cli(args, env);
  if (done.stdout === '') throw new Error(`no JSON, exit ${done.code}: ${done.stderr}`);
  return JSON.parse(done.stdout) as T;
}
