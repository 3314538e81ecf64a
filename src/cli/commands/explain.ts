import { type Explained, everythingExplained, explain } from '../../fleet/explain/explain.ts';
import { FleetError } from '../../lib/errors.ts';
import { didYouMean } from '../../lib/similar.ts';
import type { Register } from '../context.ts';
import { paint, type Screen, table, wrap } from '../text.ts';

/** Explains a state, a reason, an exit code of a container or an error code. */
export const explainCommand: Register = (command, context) => {
  command
    .argument('[words...]', 'one of them, or a whole reason as `status` prints it; none: list all')
    .action((words: readonly string[]) => {
      const { screen } = context;
      if (words.length === 0) return context.print(listText(screen));
      const text = words.join(' ');
      const found = explain(text);
      if (found.length === 0) throw unknown(text);
      context.print(found.map((one) => explainedText(screen, one)).join('\n\n'));
    });
};

function explainedText(screen: Screen, { kind, name, meaning, advice }: Explained): string {
  const indent = '  ';
  const line = (text: string): string => `${indent}${wrap(text, screen.width, indent.length)}`;
  return [`${paint(screen, 'bold', name)} (${kind})`, line(meaning), line(advice)].join('\n');
}

const listText = (screen: Screen): string =>
  table(
    screen,
    everythingExplained.map(({ kind, name, meaning }) => [name, kind, meaning]),
  );

const unknown = (text: string): FleetError => {
  const names = everythingExplained.map(({ name }) => name);
  return new FleetError(
    'CONFIG_INVALID',
    `"${text}" is not a state, a reason, an exit code or an error code`,
    { advice: `${didYouMean(text, names)}\`decnet-fleet explain\` lists all of them` },
  );
};
