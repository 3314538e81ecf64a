import { createContext } from '../../src/cli/context.ts';
import { runCommand } from '../../src/cli/main.ts';
import { screenOf } from '../../src/cli/text.ts';
import { bare, type Env, type Finished } from './cli.ts';

/**
 * Runs `decnet-fleet` in this process, which takes a tenth of the processor time: for tests of what a command does.
 * Signals, streams, the compile cache and the end of the process are tested with `cli`, and so is each command once.
 */
export async function runHere(args: readonly string[], env: Env): Promise<Finished> {
  let [stdout, stderr] = ['', ''];
  const given = { ...bare, ...env };
  const context = createContext(given, {
    screen: screenOf({}, given),
    output: () => ({
      write: (text) => {
        stdout += text;
      },
      written: async () => undefined,
      end: async () => true,
    }),
    writeError: (text) => {
      stderr += text;
    },
    showsProgress: false,
  });
  const code = await runCommand(args, context);
  return { code, stdout, stderr };
}

/** The one JSON document on stdout of a command that succeeded. */
export async function jsonHere<T>(args: readonly string[], env: Env): Promise<T> {
  const done = await runHere(args, env);
  if (done.stdout === '') throw new Error(`no JSON, exit ${done.code}: ${done.stderr}`);
  return JSON.parse(done.stdout) as T;
}
