import { isLegalHost } from '../fleet/decky.ts';
import { FleetError } from '../lib/errors.ts';
import { momentOf, momentsAllowed } from '../lib/when.ts';
import type { HistoryFilter } from '../views/report.ts';
import { type Query, searchIn, textOf, understood } from './address.ts';

/** The filters of the history, as an address has them: the texts, and what they mean. */
export interface HistoryAddress extends Required<Omit<HistoryFilter, 'limit'>> {
  /** The parts of the address that choose something, as they were given. */
  readonly texts: Readonly<Record<string, string>>;
}

const names = ['q', 'host', 'decky', 'state', 'service', 'since', 'until', 'before'] as const;

/** The parts of the address that choose something, as they were given. */
export function historyTexts(query: Query): HistoryAddress['texts'] {
  const { q } = searchIn(query);
  const given = names.flatMap((name) => {
    const text = name === 'q' ? q : textOf(query, name);
    return text === null ? [] : [[name, text] as const];
  });
  return Object.fromEntries(given);
}

/** Reads the filters. @throws FleetError CONFIG_INVALID with what is wrong */
export function parseHistory(query: Query): HistoryAddress {
  const texts = historyTexts(query);
  return {
    texts,
    host: hostIn(texts.host ?? null),
    decky: texts.decky ?? null,
    filter: understood(searchIn(query)).filter,
    since: timeIn('since', texts.since ?? null),
    until: timeIn('until', texts.until ?? null),
    before: idIn('a transition', texts.before ?? null),
  };
}

/** The parts of an address that choose something, as they were given. */
export const givenTexts = (query: Query, wanted: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    wanted.flatMap((name) => {
      const text = textOf(query, name);
      return text === null ? [] : [[name, text] as const];
    }),
  );

/** The address of the history with some parts changed; null removes one. */
export const historyPath = (
  texts: Readonly<Record<string, string>>,
  change: Readonly<Record<string, string | null>>,
): string => pathWith('/history', texts, change);

/** A path with a query, of which some parts are changed; null removes one. */
export function pathWith(
  path: string,
  texts: Readonly<Record<string, string>>,
  change: Readonly<Record<string, string | null>>,
): string {
  const parts = Object.entries({ ...texts, ...change }).filter(([, value]) => value !== null);
  const query = new URLSearchParams(parts as [string, string][]).toString();
  return query === '' ? path : `${path}?${query}`;
}

/** @throws FleetError CONFIG_INVALID */
export function hostIn(host: string | null): string | null {
  if (host !== null && !isLegalHost(host))
    throw new FleetError('CONFIG_INVALID', 'host is not a host name', {
      advice: 'Allowed: 1 to 64 of A-Z a-z 0-9 - _ .',
    });
  return host;
}

/** @returns ISO 8601 @throws FleetError CONFIG_INVALID */
export function timeIn(name: string, text: string | null): string | null {
  if (text === null) return null;
  const at = momentOf(text);
  // PostgreSQL takes no earlier and no later time.
  if (!(Math.abs(at) < Date.parse('9999-01-01')))
    throw new FleetError('CONFIG_INVALID', `${name} is not a time`, { advice: momentsAllowed });
  return new Date(at).toISOString();
}

/** @throws FleetError CONFIG_INVALID */
export function idIn(what: string, text: string | null): number | null {
  if (text === null) return null;
  if (!/^\d{1,15}$/.test(text))
    throw new FleetError('CONFIG_INVALID', `before is not the id of ${what}`, {
      advice: 'Allowed: a whole number',
    });
  return Number(text);
}
