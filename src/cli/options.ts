import { type Command, Option } from 'commander';
import { wholeNumber } from '../app/setting-readers.ts';
import { hostRule } from '../app/settings.ts';
import { isLegalHost } from '../fleet/decky.ts';
import { parseFilter } from '../fleet/filter/parse-filter.ts';
import type { Filter } from '../fleet/filter/term.ts';
import { parseWindow, type Window } from '../fleet/silences/window.ts';
import { secondsOf } from '../lib/duration.ts';
import { FleetError } from '../lib/errors.ts';
import { didYouMean } from '../lib/similar.ts';
import { momentOf, momentsAllowed, timeOf } from '../lib/when.ts';

/** The database takes no later time. */
const latestTime = Date.parse('9999-01-01');

/** Parsers of option values. Commander adds the name of the option to their errors. */
export const option = {
  host: (text: string): string => {
    if (!isLegalHost(text)) throw wrong(text, hostRule);
    return text;
  },
  /** @see docs/filters.md */
  filter: (text: string): Filter => {
    const { filter, fault } = parseFilter(text);
    if (fault !== null)
      throw new FleetError('CONFIG_INVALID', `--filter: ${fault.message}`, { advice: fault.advice });
    return filter;
  },
  seconds: (text: string): number => {
    const found = wholeNumber(text, 1, 86_400);
    if (found === null) throw wrong(text, 'a whole number of seconds from 1 to 86400');
    return found;
  },
  /** @returns seconds */
  duration: (text: string): number => {
    const seconds = secondsOf(text) ?? 0;
    if (seconds < 1 || seconds > longestDurationSeconds)
      throw wrong(text, 'a time such as 90s, 30m, 2h or 7d, of at most 366d');
    return seconds;
  },
  /** @returns ISO 8601 */
  laterTime: (text: string): string => {
    const at = timeOf(text);
    if (Number.isNaN(at) || at > latestTime)
      throw wrong(text, 'a time such as 2026-01-31 or 2026-01-31T12:00Z');
    if (at <= Date.now())
      throw new FleetError('CONFIG_INVALID', `"${text}" is not in the future`, {
        advice: 'Give a later time',
      });
    return new Date(at).toISOString();
  },
  count: (text: string): number => {
    const found = wholeNumber(text, 1, 100_000);
    if (found === null) throw wrong(text, 'a whole number from 1 to 100000');
    return found;
  },
  oneOf: <T extends string>(allowed: readonly T[], text: string): T => {
    const found = allowed.find((one) => one === text.trim());
    if (found === undefined) {
      throw new FleetError('CONFIG_INVALID', `"${text}" is not valid`, {
        advice: `${didYouMean(text, allowed)}Allowed: ${allowed.join(', ')}`,
      });
    }
    return found;
  },
  /** A parser of a comma list. @param parse of each part */
  listOf:
    <T = string>(parse: (text: string) => T = (text) => text as T) =>
    (text: string): readonly T[] => {
      const parts = text.split(',').map((part) => part.trim());
      const given = parts.filter((part) => part !== '');
      if (given.length === 0) throw wrong(text, 'a comma list');
      return given.map(parse);
    },
};

const wrong = (found: string, allowed: string): FleetError =>
  new FleetError('CONFIG_INVALID', `"${found}" is not valid`, { advice: `Allowed: ${allowed}` });

/** An option with one of a few values. */
export class ChoiceOption extends Option {
  readonly values: readonly string[];
  constructor(flags: string, description: string, values: readonly string[]) {
    super(flags, `${description}: ${values.join(', ')}`);
    this.values = values;
    this.argParser((text: string) => option.oneOf(values, text));
  }
}

/** An option whose value is a list. When it is repeated, the values are added to the list. */
export class ListOption extends Option {
  readonly values: readonly string[];
  /** @param values what the list may have; default: anything that `parse` accepts */
  constructor(
    flags: string,
    description: string,
    parse: (text: string) => readonly unknown[],
    values: readonly string[] = [],
  ) {
    super(flags, description);
    this.values = values;
    this.argParser((text: string, before: readonly unknown[] | undefined) => [
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

/** Seconds: a leap year. */
const longestDurationSeconds = 366 * 86_400;

/** Parses a window of time that recurs. @throws FleetError CONFIG_INVALID */
export function recurring(text: string): Window {
  const found = parseWindow(text);
  if ('fault' in found)
    throw new FleetError('CONFIG_INVALID', `"${text}" is not valid`, { advice: found.fault });
  return found;
}

/** Parses a time or an age. @returns ISO 8601 @throws FleetError CONFIG_INVALID */
export function time(text: string): string {
  const at = momentOf(text);
  if (Number.isNaN(at))
    throw new FleetError('CONFIG_INVALID', `--since "${text}" is not a time`, { advice: momentsAllowed });
  return new Date(at).toISOString();
}
