import type { FastifyInstance } from 'fastify';
import { isLegalHost } from '../fleet/decky.ts';
import { FleetError } from '../lib/errors.ts';
import { parseAddress, type Query, textOf } from './address.ts';
import type { WebPorts } from './ports.ts';

const mostAtOnce = 1000;

/** The JSON API, with paging and filters. Times are ISO 8601. */
export function registerApi(app: FastifyInstance, { report, snapshot }: WebPorts): void {
  app.get<{ Querystring: Query }>('/api/fleet', async ({ query }) => {
    const { words, states, service, host, notUnderstood } = parseAddress(query);
    if (notUnderstood !== null) throw notUnderstood;
    const { limit, offset } = paged(query);
    const { total, deckies } = await snapshot(({ pages }) =>
      pages.list({ words, states, service, host }, { limit, offset }),
    );
    return { total, limit, offset, deckies: deckies.map(({ matched: _, ...decky }) => decky) };
  });
  app.get<{ Querystring: Query }>('/api/hosts', async ({ query }) => {
    const { limit, offset } = paged(query);
    const hosts = await report.hosts(hostOf(query));
    return { total: hosts.length, limit, offset, hosts: hosts.slice(offset, offset + limit) };
  });
  app.get<{ Querystring: Query }>('/api/incidents', async ({ query }) => ({
    incidents: await report.incidents({
      open: textOf(query, 'open') === 'true',
      since: sinceOf(query),
      limit: paged(query).limit,
    }),
  }));
  app.get<{ Querystring: Query }>('/api/silences', async ({ query }) => ({
    silences: await report.silences({ ended: textOf(query, 'all') === 'true' }),
  }));
  app.get<{ Querystring: Query }>('/api/history', async ({ query }) =>
    report.history({
      host: hostOf(query),
      decky: textOf(query, 'decky'),
      since: sinceOf(query),
      limit: paged(query).limit,
    }),
  );
}

function sinceOf(query: Query): string | null {
  const since = textOf(query, 'since');
  if (since === null) return null;
  if (Number.isNaN(Date.parse(since)))
    throw new FleetError('CONFIG_INVALID', 'since is not a time', {
      advice: 'Allowed: ISO 8601, 2026-01-31T12:00:00Z',
    });
  return new Date(since).toISOString();
}

function hostOf(query: Query): string | null {
  const host = textOf(query, 'host');
  if (host !== null && !isLegalHost(host))
    throw new FleetError('CONFIG_INVALID', 'host is not a host name', {
      advice: 'Allowed: 1 to 64 of A-Z a-z 0-9 - _ .',
    });
  return host;
}

function paged(query: Query): { limit: number; offset: number } {
  const number = (name: string, fallback: number, from: number, to: number): number => {
    const text = textOf(query, name);
    if (text === null) return fallback;
    const found = Number(text);
    if (!Number.isInteger(found) || found < from || found > to)
      throw new FleetError('CONFIG_INVALID', `${name} is not valid`, {
        advice: `Allowed: a whole number from ${from} to ${to}`,
      });
    return found;
  };
  return { limit: number('limit', 100, 1, mostAtOnce), offset: number('offset', 0, 0, 10_000_000) };
}
