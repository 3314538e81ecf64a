import { type Command, Option } from 'commander';
import { hostRule, wholeNumber } from '../app/config.ts';
import { isLegalHost } from '../fleet/decky.ts';
import { FleetError } from '../lib/errors.ts';

/** Parsers of option values. Commander adds the name of the option to their errors. */
export const option = {
  host: (text: string): string => {
    if (!isLegalHost(text)) throw wrong(text, hostRule);
    return text;
  },
  seconds: (text: string): number => {
    const found = wholeNumber(text, 1, 86_400);
    if (found === null) throw wrong(text, 'a whole number of seconds from 1 to 86400');
    return found;
  },
  count: (text: string): number => {
    const found = wholeNumber(text, 1, 100_000);
    if (found === null) throw wrong(text, 'a whole number from 1 to 100000');
    return found;
  },
};

const wrong = (found: string, allowed: string): FleetError =>
  new FleetError('CONFIG_INVALID', `"${found}" is not valid`, { advice: `Allowed: ${allowed}` });

/** An option whose value is a list. When it is repeated, the values are added to the list. */
export class ListOption extends Option {
  constructor(flags: string, description: string, parse: (text: string) => readonly string[]) {
    super(flags, description);
    this.argParser((text: string, before: readonly string[] | undefined) => [
      ...(before ?? []),
      ...parse(text),
    ]);
  }
}

/** Rejects a repeated option unless its value is a list: commander would use the last value and silently ignore the others. */
export function refuseRepeats(command: Command): void {
  const isOne = (one: Option): boolean => (one.required || one.optional) && !(one instanceof ListOption);
  for (const one of command.options.filter(isOne)) {
    let isGiven = false;
    command.on(`option:${one.name()}`, () => {
      if (isGiven) {
        throw new FleetError('CONFIG_INVALID', `${one.long} is given more than once`, {
          advice: 'It takes one value',
        });
      }
      isGiven = true;
    });
  }
}
