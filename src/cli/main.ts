import { CommanderError } from 'commander';
import type { Environment } from '../lib/environment.ts';
import { type Context, createContext, outliveReaders } from './context.ts';
import { exitCodeOf, reportError } from './failure.ts';
import { createProgram, neededCommands } from './program.ts';

/** Runs one command. @returns its exit code. @see CONTRACT.md, Exit codes */
export async function main(argv: readonly string[], env: Environment): Promise<number> {
  outliveReaders();
  return runCommand(argv, createContext(env));
}

/** @see main */
export async function runCommand(argv: readonly string[], context: Context): Promise<number> {
  const code = await codeOfCommand(argv, context);
  // Incomplete output is a failure, even if the command succeeded.
  return (await context.printed()) ? code : 1;
}

async function codeOfCommand(argv: readonly string[], context: Context): Promise<number> {
  const program = await createProgram(context, neededCommands(argv));
  let isPlan = false;
  program.hook('preSubcommand', (_program, command) => {
    isPlan = command.name() === 'plan';
  });
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return context.exitCode;
  } catch (error) {
    // For `plan`, exit code 2 means that there are changes.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : isPlan ? 1 : 2;
    reportError(context, error);
    return isPlan ? 1 : exitCodeOf(error);
  }
}
