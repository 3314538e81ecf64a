// The page's script uses this file, too: see src/web/assets.ts.

import { durationUnits, secondsOf } from '../../lib/duration.ts';
import { didYouMean, nearest } from '../../lib/similar.ts';
import { type FleetState, fleetStates } from '../state.ts';
import { brokenStates } from '../state-styles.ts';
import { type Filter, filterKeys, noFilter, type Term, textKeys } from './term.ts';

/** All states that are a fault. */
export const broken = 'broken';
export const stateWords: readonly string[] = [broken, ...fleetStates];

/** What is wrong, and what to do. */
export interface Fault {
  readonly message: string;
  readonly advice: string;
}

export interface Parsed {
  /** The terms that are understood. */
  readonly filter: Filter;
  /** The first that is not; null: all are. */
  readonly fault: Fault | null;
}

/** More costs a search of all rows too much. */
const limits = { characters: 1000, terms: 20, values: 100 };

/**
 * Reads a filter as people write it: `state:failed host:nyc-* -service:ssh "exited, code"`.
 * @see docs/filters.md
 */
export function parseFilter(text: string): Parsed {
  if (text.length > limits.characters) return refused(`is longer than ${limits.characters} characters`);
  const tokens = text.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];
  if (tokens.length > limits.terms) return refused(`has more than ${limits.terms} terms`);
  const read = tokens.map(termOf);
  return {
    filter: read.filter((one) => one !== null).filter((one) => 'kind' in one),
    fault: read.find((one) => one !== null && 'message' in one) ?? null,
  };
}

const refused = (why: string): Parsed => ({
  filter: noFilter,
  fault: { message: `the filter ${why}`, advice: 'Make it shorter' },
});

/** Null: it searches for nothing, as `""` does. */
function termOf(token: string): Term | Fault | null {
  const isExcluded = /^-./.test(token);
  const rest = isExcluded ? token.slice(1) : token;
  const [head = '', written = ''] = /^([a-z_]+):/i.exec(rest) ?? [];
  const key = written.toLowerCase();
  const values = valuesOf(rest.slice(head.length));
  // A reason that is pasted has such words: `ssh: exited`.
  const isWord = key === '' || (values.length === 0 && !filterKeys.includes(key));
  if (isWord) return textTerm(isExcluded, null, valuesOf(rest));
  if (!filterKeys.includes(key))
    return {
      message: `"${written}" is not a key`,
      advice: `${didYouMean(key, filterKeys)}Allowed: ${filterKeys.join(', ')}. A text with a colon is searched for in quotes`,
    };
  if (values.length === 0) return { message: `${key} has no value`, advice: `Write it after the colon` };
  if (key === 'state') return stateTerm(isExcluded, values);
  if (key === 'since') return sinceTerm(isExcluded, values);
  return textTerm(isExcluded, textKeys.find((one) => one === key) ?? null, values);
}

/** The parts between commas. Quotes keep spaces and commas. */
const valuesOf = (text: string): readonly string[] =>
  (text.match(/(?:"[^"]*"?|[^,"])+/g) ?? [])
    .map((value) => value.replaceAll('"', '').trim())
    .filter((value) => value !== '')
    .slice(0, limits.values);

const textTerm = (
  isExcluded: boolean,
  key: (typeof textKeys)[number] | null,
  patterns: readonly string[],
): Term | null => (patterns.length === 0 ? null : { isExcluded, kind: 'text', key, patterns });

function stateTerm(isExcluded: boolean, words: readonly string[]): Term | Fault {
  const found = statesIn(words);
  return 'message' in found ? found : { isExcluded, kind: 'state', states: found };
}

/** The states that the words name, `broken` included. */
export function statesIn(words: readonly string[]): readonly FleetState[] | Fault {
  const lower = words.map((word) => word.toLowerCase());
  const wrong = lower.findIndex((word) => !stateWords.includes(word));
  if (wrong >= 0)
    return {
      message: `state "${words[wrong]}" is not a state`,
      advice: `${didYouMean(words[wrong] ?? '', stateWords)}Allowed: ${stateWords.join(', ')}, or several of them with commas`,
    };
  return fleetStates.filter(
    (state) => lower.includes(state) || (lower.includes(broken) && brokenStates.includes(state)),
  );
}

function sinceTerm(isExcluded: boolean, values: readonly string[]): Term | Fault {
  const lengths = values.map(secondsOf);
  const wrong = values[lengths.indexOf(null)];
  if (wrong !== undefined)
    return {
      message: `since "${wrong}" is not a length of time`,
      advice: `${otherUnit(wrong)}Allowed: a number and one of ${durationUnits.join(', ')}, such as 30s, 15m, 12h, 7d, 2w`,
    };
  return { isExcluded, kind: 'since', seconds: Math.max(...lengths.map((seconds) => seconds ?? 0)) };
}

const unitWords = ['second', 'seconds', 'minute', 'minutes', 'hour', 'hours', 'day', 'days', 'week', 'weeks'];
const unitShorts = ['sec', 'secs', 'min', 'mins', 'hr', 'hrs', 'wk', 'wks'];

/** `Did you mean 10m? ` of `10 minutes`. */
function otherUnit(text: string): string {
  const [, number = '', unit = ''] = /^(\d{1,6})\s*([a-z]+)$/i.exec(text) ?? [];
  const meant = nearest(unit, [...durationUnits, ...unitShorts, ...unitWords]);
  return meant === null ? '' : `Did you mean ${number}${meant.charAt(0)}? `;
}
