import { isLegalHost } from '../fleet/decky.ts';
import { type FleetState, fleetStates } from '../fleet/state.ts';
import { brokenStates } from '../fleet/words.ts';
import { FleetError } from '../lib/errors.ts';
import { didYouMean } from '../lib/similar.ts';
import type { DeckyFilter, Order } from '../views/pages.ts';

/** What the fleet page shows, as read from its address. */
export interface FleetAddress extends DeckyFilter {
  readonly host: string | null;
  readonly order: Order;
  /** A cell for each decky, or a row; null: whichever shows the whole fleet on few screens. */
  readonly view: View | null;
  /** Hosts whose running deckies are shown. */
  readonly open: readonly string[];
  /** From 1. */
  readonly page: number;
  /** The states as the address names them: one, several with commas, or `broken`; null: any. */
  readonly state: string | null;
  /** What of the address is not understood, and so does not choose anything. */
  readonly notUnderstood: FleetError | null;
}

export const views = ['map', 'list'] as const;
export type View = (typeof views)[number];
const orders: readonly Order[] = ['broken', 'name', 'recent'];
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The first value of a query parameter, trimmed and shortened, without NUL, which PostgreSQL's text type does not accept.
 * Null: absent or empty.
 */
export const textOf = (query: Query, name: string): string | null =>
  ([query[name] ?? ''].flat()[0] ?? '').trim().slice(0, 200).replaceAll('\0', '') || null;

/** All states that are a fault. */
export const broken = 'broken';
const stateWords: readonly string[] = [broken, ...fleetStates];

/** The states that the words name; none: any. @throws FleetError CONFIG_INVALID */
export function statesOf(text: string | null): readonly FleetState[] {
  const words = (text ?? '').split(',').map((word) => word.trim());
  const wrong = words.find((word) => word !== '' && !stateWords.includes(word));
  if (wrong !== undefined)
    throw new FleetError('CONFIG_INVALID', `state "${wrong}" is not a state`, {
      advice: `${didYouMean(wrong, stateWords)}Allowed: ${stateWords.join(', ')}, or several of them with commas`,
    });
  return fleetStates.filter(
    (state) => words.includes(state) || (words.includes(broken) && brokenStates.includes(state)),
  );
}

/** Parses the query of an address. A part that is not valid chooses nothing. */
export function parseAddress(query: Query): FleetAddress {
  const text = (name: string): string | null => textOf(query, name);
  const host = text('host');
  const open = [query.open ?? []].flat().filter(isLegalHost).slice(0, 50);
  const { states, notUnderstood } = attempted(text('state'));
  return {
    words: wordsOf(text('q')),
    states,
    state: states.length === 0 ? null : text('state'),
    notUnderstood,
    service: text('service'),
    host: host !== null && isLegalHost(host) ? host : null,
    order: orders.find((order) => order === text('sort')) ?? 'broken',
    view: views.find((view) => view === text('view')) ?? null,
    open,
    page: Math.max(1, Math.min(10_000, Math.floor(Number(text('page')) || 1))),
  };
}

function attempted(text: string | null): Pick<FleetAddress, 'states' | 'notUnderstood'> {
  try {
    return { states: statesOf(text), notUnderstood: null };
  } catch (error) {
    if (error instanceof FleetError) return { states: [], notUnderstood: error };
    throw error;
  }
}

/** Each word beyond these costs a search of all rows. */
const wordsAtMost = 10;
const wordsOf = (text: string | null): readonly string[] =>
  (text ?? '')
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, wordsAtMost);

export const isFiltered = ({ words, states, service }: FleetAddress): boolean =>
  words.length > 0 || states.length > 0 || service !== null;

/** The address with some parts changed. Parts that have their default value are left out. */
export function addressOf(now: FleetAddress, change: Partial<FleetAddress> = {}): string {
  const { words, state, service, host, order, view, open, page } = { ...now, ...change };
  const parts: [string, string][] = [
    ...(words.length === 0 ? [] : ([['q', words.join(' ')]] as const)),
    ...(state === null ? [] : ([['state', state]] as const)),
    ...(service === null ? [] : ([['service', service]] as const)),
    ...(host === null ? [] : ([['host', host]] as const)),
    ...(order === 'broken' ? [] : ([['sort', order]] as const)),
    ...(view === null ? [] : ([['view', view]] as const)),
    ...open.map((one) => ['open', one] as const),
    ...(page === 1 ? [] : ([['page', String(page)]] as const)),
  ].map(([name, value]) => [name, value]);
  const query = new URLSearchParams(parts).toString();
  return query === '' ? '/' : `/?${query}`;
}
