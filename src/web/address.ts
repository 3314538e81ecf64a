import { isLegalHost } from '../fleet/decky.ts';
import { type Fault, parseFilter, statesIn } from '../fleet/filter/parse-filter.ts';
import type { Filter, Term } from '../fleet/filter/term.ts';
import { FleetError } from '../lib/errors.ts';
import type { Order } from '../views/pages.ts';

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Characters of a parameter that are read. */
const longestText = 200;
/** Characters of a filter that are read; it is refused before. */
const longestFilter = 2000;

/**
 * The first value of a query parameter, trimmed and shortened, without NUL, which PostgreSQL's text type does not accept.
 * Null: absent or empty.
 */
export const textOf = (query: Query, name: string, longest: number = longestText): string | null =>
  ([query[name] ?? ''].flat()[0] ?? '').trim().slice(0, longest).replaceAll('\0', '') || null;

/** What an address searches for: its filter, and the parameters that are terms of their own. */
export interface Search {
  /** The filter as it was given. @see docs/filters.md */
  readonly q: string | null;
  /** The states as the address names them: one, several with commas, or `broken`; null: any. */
  readonly state: string | null;
  readonly service: string | null;
  /** All of it. */
  readonly filter: Filter;
  /** What of it is not understood, and so does not choose anything. */
  readonly notUnderstood: FleetError | null;
}

/** Reads `q`, `state` and `service`. All of them must hold. */
export function searchIn(query: Query): Search {
  const q = textOf(query, 'q', longestFilter);
  const service = textOf(query, 'service');
  const text = textOf(query, 'state');
  const sought = parseFilter(q ?? '');
  const states = statesIn(
    (text ?? '')
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  );
  const stateFault = 'message' in states ? states : null;
  const ofState: readonly Term[] =
    'message' in states || states.length === 0 ? [] : [{ kind: 'state', states, isExcluded: false }];
  const ofService: readonly Term[] =
    service === null ? [] : [{ kind: 'text', key: 'service', patterns: [service], isExcluded: false }];
  return {
    q,
    state: ofState.length === 0 ? null : text,
    service,
    filter: [...sought.filter, ...ofState, ...ofService],
    notUnderstood: refusalOf(stateFault, '') ?? refusalOf(sought.fault, 'Filter: '),
  };
}

/** @throws FleetError CONFIG_INVALID with what is not understood */
export function understood<S extends Search>(search: S): S {
  if (search.notUnderstood !== null) throw search.notUnderstood;
  return search;
}

const refusalOf = (fault: Fault | null, where: string): FleetError | null =>
  fault === null
    ? null
    : new FleetError('CONFIG_INVALID', `${where}${fault.message}`, { advice: fault.advice });

export const isFiltered = ({ filter }: Pick<Search, 'filter'>): boolean => filter.length > 0;

/** What the fleet page shows, as read from its address. */
export interface FleetAddress extends Search {
  readonly host: string | null;
  readonly order: Order;
  /** A cell for each decky, or a row; null: whichever shows the whole fleet on few screens. */
  readonly view: View | null;
  /** Hosts whose running deckies are shown. */
  readonly open: readonly string[];
  /** From 1. */
  readonly page: number;
}

export const views = ['map', 'list'] as const;
export type View = (typeof views)[number];
const orders: readonly Order[] = ['broken', 'name', 'recent'];

/** Parses the query of an address. A part that is not valid chooses nothing. */
export function parseAddress(query: Query): FleetAddress {
  const text = (name: string): string | null => textOf(query, name);
  const host = text('host');
  return {
    ...searchIn(query),
    host: host !== null && isLegalHost(host) ? host : null,
    order: orders.find((order) => order === text('sort')) ?? 'broken',
    view: views.find((view) => view === text('view')) ?? null,
    open: [query.open ?? []].flat().filter(isLegalHost).slice(0, 50),
    page: Math.max(1, Math.min(10_000, Math.floor(Number(text('page')) || 1))),
  };
}

/** The address with some parts changed. Parts that have their default value are left out. */
export function addressOf(now: FleetAddress, change: Partial<FleetAddress> = {}): string {
  const { q, state, service, host, order, view, open, page } = { ...now, ...change };
  const parts: [string, string][] = [
    ...(q === null ? [] : ([['q', q]] as const)),
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

/** The address of the fleet page with a filter. */
export const fleetPath = (filter: string): string => `/?${new URLSearchParams({ q: filter }).toString()}`;
