import { isLegalHost } from '../fleet/decky.ts';
import { fleetStates } from '../fleet/state.ts';
import type { DeckyFilter, Order } from '../views/pages.ts';

/** What the fleet page shows, as read from its address. */
export interface FleetAddress extends DeckyFilter {
  readonly host: string | null;
  readonly order: Order;
  /** Hosts whose running deckies are shown. */
  readonly open: readonly string[];
  /** From 1. */
  readonly page: number;
}

const orders: readonly Order[] = ['broken', 'name', 'recent'];
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The first value of a query parameter, trimmed and shortened, without NUL, which PostgreSQL's text type does not accept.
 * Null: absent or empty.
 */
export const textOf = (query: Query, name: string): string | null =>
  ([query[name] ?? ''].flat()[0] ?? '').trim().slice(0, 200).replaceAll('\0', '') || null;

/** Parses the query of an address and ignores invalid parts. */
export function parseAddress(query: Query): FleetAddress {
  const text = (name: string): string | null => textOf(query, name);
  const host = text('host');
  const open = [query.open ?? []].flat().filter(isLegalHost).slice(0, 50);
  return {
    search: text('q'),
    state: fleetStates.find((state) => state === text('state')) ?? null,
    service: text('service'),
    host: host !== null && isLegalHost(host) ? host : null,
    order: orders.find((order) => order === text('sort')) ?? 'broken',
    open,
    page: Math.max(1, Math.min(10_000, Math.floor(Number(text('page')) || 1))),
  };
}

export const isFiltered = ({ search, state, service }: FleetAddress): boolean =>
  search !== null || state !== null || service !== null;

/** The address with some parts changed. Parts that have their default value are left out. */
export function addressOf(now: FleetAddress, change: Partial<FleetAddress> = {}): string {
  const { search, state, service, host, order, open, page } = { ...now, ...change };
  const parts: [string, string][] = [
    ...(search === null ? [] : ([['q', search]] as const)),
    ...(state === null ? [] : ([['state', state]] as const)),
    ...(service === null ? [] : ([['service', service]] as const)),
    ...(host === null ? [] : ([['host', host]] as const)),
    ...(order === 'broken' ? [] : ([['sort', order]] as const)),
    ...open.map((one) => ['open', one] as const),
    ...(page === 1 ? [] : ([['page', String(page)]] as const)),
  ].map(([name, value]) => [name, value]);
  const query = new URLSearchParams(parts).toString();
  return query === '' ? '/' : `/?${query}`;
}
