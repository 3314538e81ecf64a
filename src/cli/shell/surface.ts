import type { Argument, Command, Option } from 'commander';
import { ChoiceOption, ListOption } from '../options.ts';

/** What can be typed, as completions and the manual page need it. */
export interface Surface {
  readonly description: string;
  readonly options: readonly OptionWords[];
  readonly commands: readonly CommandWords[];
}

export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** The words that its arguments allow; none: any, or a file. */
  readonly words: readonly string[];
  /** Its arguments as in its usage: `[words...]`. */
  readonly usage: string;
  readonly arguments: readonly { readonly name: string; readonly description: string }[];
}

export interface OptionWords {
  /** `--json`; null: it has only a short form. */
  readonly long: string | null;
  /** `-o`; null: none. */
  readonly short: string | null;
  /** As in the help: `-o, --output <form>`. */
  readonly flags: string;
  readonly description: string;
  /** Whether it needs one. */
  readonly takesValue: boolean;
  /** The values that it allows; none: any, or a file. */
  readonly values: readonly string[];
}

/** Reads the definitions of all commands, so that completions and the manual page cannot differ from them. */
export function surfaceOf(program: Command): Surface {
  return {
    description: program.description(),
    options: optionsOf(program),
    commands: program.commands.map((command) => ({
      name: command.name(),
      description: command.description(),
      options: optionsOf(command),
      words: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      usage: command.registeredArguments.map(usageOf).join(' '),
      arguments: command.registeredArguments.map((one) => ({
        name: usageOf(one),
        description: one.description,
      })),
    })),
  };
}

const optionsOf = (command: Command): readonly OptionWords[] =>
  command.createHelp().visibleOptions(command).map(optionWords);

const optionWords = (one: Option): OptionWords => ({
  long: one.long ?? null,
  short: one.short ?? null,
  flags: one.flags,
  description: one.description,
  takesValue: one.required,
  values: one instanceof ChoiceOption || one instanceof ListOption ? one.values : [],
});

function usageOf(one: Argument): string {
  const name = `${one.name()}${one.variadic ? '...' : ''}`;
  return one.required ? `<${name}>` : `[${name}]`;
}
