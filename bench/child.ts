import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { ownCacheDirectory } from '../src/lib/compile-cache.ts';
import { packageRoot } from '../src/lib/package.ts';

/** A program of the benchmarks in a separate process, which answers each message with one message. */
export interface Program {
  readonly child: ChildProcess;
  ask(what: string): Promise<unknown>;
}

/** Addresses; not passed as arguments, which all users of the machine can read. */
type Env = Readonly<Record<string, string>>;

const cache = ownCacheDirectory(process.env);

/** Whether it uses the compile cache, as a worker does. */
const forked = (file: string, args: readonly string[], env: Env): ChildProcess =>
  fork(join(packageRoot, file), args, {
    env: { ...process.env, ...env, ...(cache !== null && { NODE_COMPILE_CACHE: cache }) },
  });

/** Resolves when the program reports that it is ready. */
export async function startProgram(file: string, args: readonly string[], env: Env = {}): Promise<Program> {
  const child = forked(file, args, env);
  const answer = (): Promise<unknown> =>
    new Promise((done, fail) => {
      const ended = (code: number | null): void => fail(new Error(`${file} ended with ${code}`));
      child.once('exit', ended);
      child.once('message', (message) => {
        child.off('exit', ended);
        done(message);
      });
    });
  await answer();
  return {
    child,
    ask: (what) => {
      const answered = answer();
      child.send(what);
      return answered;
    },
  };
}

/** Runs a program to its end. */
export const runProgram = (file: string, args: readonly string[], env: Env = {}): Promise<void> =>
  new Promise((done, fail) => {
    forked(file, args, env).once('exit', (code) =>
      code === 0 ? done() : fail(new Error(`${file} ended with ${code}`)),
    );
  });
