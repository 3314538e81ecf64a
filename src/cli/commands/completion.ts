import { Argument } from 'commander';
import type { Register } from '../context.ts';
import { option } from '../options.ts';
import { completionScript, type Shell, shells } from '../shell/completion.ts';
import { surfaceOf } from '../shell/surface.ts';

/** Prints a script that completes commands, options and their values in a shell. */
export const completion: Register = (command, context) => {
  const shell = new Argument('<shell>', `the shell: ${shells.join(', ')}`)
    .choices(shells)
    .argParser((text) => option.oneOf(shells, text));
  command
    .addArgument(shell)
    .action((shell: Shell) => context.write(completionScript(shell, surfaceOf(command.parent ?? command))));
};
