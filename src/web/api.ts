import type { FastifyInstance, FastifyReply } from 'fastify';
import { csvText } from '../lib/csv.ts';
import { FleetError } from '../lib/errors.ts';
import { didYouMean } from '../lib/similar.ts';
import { parseAddress, type Query, textOf, understood } from './address.ts';
import { parseAudit } from './audit-address.ts';
import { type CsvRow, csvOf } from './csv-tables.ts';
import { availabilityView, periodIn, readAvailability } from './fleet-availability.ts';
import { hostIn, parseHistory, timeIn } from './history-address.ts';
import { matchingHosts } from './matching-hosts.ts';
import type { WebPorts } from './ports.ts';

const longestList = 1000;

/** The API, as JSON or, with `format=csv`, as CSV, with paging and filters. Times are ISO 8601. */
export function registerApi(app: FastifyInstance, { report, pages, snapshot, audit }: WebPorts): void {
  type Asked = { Querystring: Query };
  app.get<Asked>('/api/fleet', async ({ query }, reply) => {
    const { filter, host } = understood(parseAddress(query));
    const { limit, offset } = paged(query);
    const { total, deckies } = await snapshot(({ pages }) => pages.list(filter, { host, limit, offset }));
    const fleet = { total, limit, offset, deckies: deckies.map(({ matched: _, ...decky }) => decky) };
    return formed(reply, query, fleet, () => csvOf.fleet(deckies));
  });
  app.get<Asked>('/api/hosts', async ({ query }, reply) => {
    const { limit, offset } = paged(query);
    const asked = hostIn(textOf(query, 'host'));
    const address = understood(parseAddress(query));
    const { hosts: all } = await snapshot(async (views) =>
      matchingHosts(views.pages, await views.report.hosts(asked), address),
    );
    const hosts = all.slice(offset, offset + limit);
    return formed(reply, query, { total: all.length, limit, offset, hosts }, () => csvOf.hosts(hosts));
  });
  app.get<Asked>('/api/incidents', async ({ query }, reply) => {
    const incidents = await report.incidents({
      open: textOf(query, 'open') === 'true',
      since: timeIn('since', textOf(query, 'since')),
      limit: paged(query).limit,
    });
    return formed(reply, query, { incidents }, () => csvOf.incidents(incidents));
  });
  app.get<Asked>('/api/silences', async ({ query }, reply) => {
    const silences = await report.silences({ ended: textOf(query, 'all') === 'true' });
    return formed(reply, query, { silences }, () => csvOf.silences(silences));
  });
  app.get<Asked>('/api/availability', async ({ query }, reply) => {
    const found = await readAvailability(pages, periodIn(query), Date.now());
    const view = availabilityView(found);
    return formed(reply, query, view, () => csvOf.availability(view.hosts));
  });
  app.get<Asked>('/api/history', async ({ query }, reply) => {
    const { texts: _, ...filter } = parseHistory(query);
    const history = await report.history({ ...filter, limit: paged(query).limit });
    return formed(reply, query, history, () => csvOf.history(history.transitions));
  });
  app.get<Asked>('/api/audit', async ({ query }, reply) => {
    const { texts: _, ...filter } = parseAudit(query);
    const entries = await audit.list({ ...filter, limit: paged(query).limit });
    return formed(reply, query, { entries }, () => csvOf.audit(entries));
  });
}

const formats = ['json', 'csv'] as const;

/** The answer in the form that the query asks for. @throws FleetError CONFIG_INVALID */
function formed(
  reply: FastifyReply,
  query: Query,
  data: object,
  table: () => readonly CsvRow[],
): object | string {
  const format = textOf(query, 'format') ?? 'json';
  if (format === 'json') return data;
  if (format !== 'csv')
    throw new FleetError('CONFIG_INVALID', `format "${format}" is not known`, {
      advice: `${didYouMean(format, formats)}Allowed: ${formats.join(', ')}`,
    });
  void reply.type('text/csv; charset=utf-8');
  return csvText(table());
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
  return { limit: number('limit', 100, 1, longestList), offset: number('offset', 0, 0, 10_000_000) };
}
