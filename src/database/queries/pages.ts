import { type PartChanges, partSeconds } from '../../fleet/broken-over-day.ts';
import type { Filter } from '../../fleet/filter/term.ts';
import { isFleetState } from '../../fleet/state.ts';
import { brokenStates, severity } from '../../fleet/state-styles.ts';
import { parseJson } from '../../lib/json-text.ts';
import { printableDeep } from '../../lib/text.ts';
import type { ListedDecky, MappedDecky, Order, Pages, Pulse, RecordedDecky } from '../../views/pages.ts';
import type { Query } from '../query.ts';
import { bounded, iso, readableServices, shortReason, staleAfter } from '../sql.ts';
import { fleetAvailability } from './availability.ts';
import { conditionOf, type FilterColumns } from './filter.ts';
import { forPeople } from './report.ts';

/** Milliseconds between two checks of the rows of hosts without a worker: no pass signals their changes. */
const strangersEveryMs = 3000;

/** The queries of the web pages. @param defaultIntervalSeconds the interval of hosts without their own */
export function pages(ask: Query, defaultIntervalSeconds: number): Pages {
  const query = forPeople(ask);
  let strangers = { text: '', at: -Infinity };
  return {
    deckies: (filter, { hosts, open, perHost, quiet, order }) => {
      const { sql, values } = conditionOf(filter, ofDeckies, 5);
      return query<ListedDecky>(selectShown(order, sql), [hosts, open, perHost, quiet, ...values]);
    },
    map: (filter, hosts, perHost) => {
      const { sql, values } = conditionOf(filter, ofDeckies, 3);
      return query<MappedDecky>(selectMap(sql), [hosts, perHost, ...values]);
    },
    day: async () => {
      const parts = await query<PartChanges & { readonly read: number }>(selectDay, []);
      const isWhole = (parts[0]?.read ?? 0) < dayAtMost;
      return { parts, since: isWhole ? null : Math.min(...parts.map(({ part }) => part)) + 1 };
    },
    availability: (window) => fleetAvailability(query, defaultIntervalSeconds, window),
    matched: (filter) => countMatched(query, filter),
    list: async (filter, { host, limit, offset }) => {
      const ofHost = '($1::text is null or d.host_uuid = $1)';
      const { sql: matches, values } = conditionOf(filter, ofDeckies, 2);
      const [at, from] = [values.length + 2, values.length + 3];
      const [counted] = await query<{ n: number }>(
        `select count(*)::int as n from fleet_deckies d where ${matches} and ${ofHost}`,
        [host, ...values],
      );
      const deckies = await query<ListedDecky>(
        `select ${columns}, 0 as matched from (select d.* from fleet_deckies d where ${matches} and ${ofHost}
           order by ${orders.broken}, d.host_uuid limit $${at} offset $${from}) d ${sinceJoin}
         order by ${orders.broken}, d.host_uuid`,
        [host, ...values, limit, offset],
      );
      return { total: counted?.n ?? 0, deckies };
    },
    decky: async (host, name) => {
      // Read it as text: the driver would change numbers.
      const [row] = await ask<Omit<RecordedDecky, 'decky_config'> & { decky_config: string | null }>(
        `select ${columns}, ${readableConfig} as decky_config from fleet_deckies d ${sinceJoin} where d.host_uuid = $1 and d.name = $2`,
        [host, name],
      );
      if (row === undefined) return null;
      const { decky_config: config } = row;
      return printableDeep({ ...row, decky_config: config === null ? null : parseJson(config) });
    },
    services: async () =>
      (
        await query<{ service: string }>(
          `select distinct s #>> '{}' as service from fleet_deckies d, jsonb_array_elements(${readableServices('d')}) s
           where jsonb_typeof(s) = 'string' order by 1 limit 500`,
          [],
        )
      ).map(({ service }) => service),
    transitions: async (host, name, since) =>
      (await query<{ at: number; to: string | null }>(selectTransitions, [host, name, since])).map(
        ({ at, to }) => ({ at, to: to !== null && isFleetState(to) ? to : null }),
      ),
    pulse: async () => {
      const before = strangers.text;
      if (performance.now() - strangers.at >= strangersEveryMs) {
        const [found] = await query<{ text: string }>(selectStrangers, []);
        strangers = { text: found?.text ?? '', at: performance.now() };
      }
      const [row = { text: '', hosts: [] }] = await query<Pulse>(selectPulse, [defaultIntervalSeconds]);
      return { text: `${row.text} ${strangers.text}`, hosts: strangers.text === before ? row.hosts : [] };
    },
  };
}

async function countMatched(query: Query, filter: Filter): Promise<ReadonlyMap<string, number>> {
  const { sql, values } = conditionOf(filter, ofDeckies, 1);
  const rows = await query<{ host_uuid: string; n: number }>(
    `select host_uuid, count(*)::int as n from fleet_deckies d where ${sql} group by host_uuid`,
    values,
  );
  return new Map(rows.map(({ host_uuid, n }) => [host_uuid, n]));
}

/** A decky has changed since a time if any change of its state is later. */
const ofDeckies: FilterColumns = {
  host: 'd.host_uuid',
  decky: 'd.name',
  ip: 'd.decky_ip',
  state: 'd.state',
  reason: 'd.last_error',
  servicesOf: 'd',
  changedSince: (time) => `(d.host_uuid, d.name) in (select t.host_uuid, t.name from fleet_transitions t
    where t.at >= ${time} and t.from_state is distinct from t.to_state)`,
};

const severityOf = `array_position(array[${severity.map((state) => `'${state}'`).join(', ')}], d.state)`;
const orders: Readonly<Record<Order, string>> = {
  broken: `${severityOf}, case when d.state = 'running' then null else d.updated_at end desc nulls last, d.name`,
  name: 'd.name',
  recent: 'd.updated_at desc, d.name',
};

const columns = `d.host_uuid, d.name, d.decky_ip as ip, ${readableServices('d')} as services, d.state, ${shortReason('d.last_error')},
  ${iso('t.since')}, ${iso('d.last_seen')}, ${iso('d.updated_at')}`;
/** Characters of a configuration that a page shows; of a longer one it shows nothing. */
const longestConfig = 1_000_000;
const readableConfig = `case when length(d.decky_config::text) <= ${longestConfig} then d.decky_config::text end`;
const sinceJoin = `left join lateral (
    select at as since from fleet_transitions t
    where t.host_uuid = d.host_uuid and t.name = d.name and t.from_state is distinct from t.to_state
    order by id desc limit 1) t on true`;

const selectShown = (order: Order, matches: string): string => `select ${columns}, d.matched from (
    select d.*, count(*) over (partition by d.host_uuid)::int as matched,
      row_number() over (partition by d.host_uuid order by ${orders[order]}) as position
    from fleet_deckies d where ${matches} and d.host_uuid = any ($1::text[])) d ${sinceJoin}
  where d.position <= case when d.host_uuid = any ($2::text[]) then 20 * $3::int else $3::int end
    and (not $4::boolean or d.state <> 'running' or d.matched <= $3::int or d.host_uuid = any ($2::text[]))
  order by d.host_uuid, d.position`;

const selectMap = (matches: string): string => `select host_uuid, name, state from (
    select host_uuid, name, state,
      row_number() over (partition by host_uuid order by ${severityOf}, name) as position
    from fleet_deckies d where ${matches} and host_uuid = any ($1::text[])) d
  where position <= $2 order by host_uuid, name`;

/** More changes are not read: a compromised host may have written any number. */
const dayAtMost = 50_000;
const isBrokenIn = (column: string): string =>
  `coalesce(${column} in (${brokenStates.map((state) => `'${state}'`).join(', ')}), false)::int`;
const selectDay = `select floor(extract(epoch from at) / ${partSeconds})::float8 as part, count(*)::int as changes,
    sum(${isBrokenIn('to_state')} - ${isBrokenIn('from_state')})::int as delta, (sum(count(*)) over ())::int as read
  from (select at, from_state, to_state from fleet_transitions
    where at > now() - interval '1 day' and at <= now() and from_state is distinct from to_state
    order by at desc limit ${dayAtMost}) t
  group by 1`;

/** More changes of one decky than a band of a week can show. */
const transitionsAtMost = 5000;

const selectTransitions = `select (extract(epoch from ${bounded('at')}) * 1000)::float8 as at, to_state as "to"
  from (select * from fleet_transitions t
  where host_uuid = $1 and name = $2 and from_state is distinct from to_state
    and id >= coalesce((select max(id) from fleet_transitions b where b.host_uuid = $1 and b.name = $2
      and b.from_state is distinct from b.to_state and b.at <= to_timestamp($3::float8 / 1000)), 0)
    order by id desc limit ${transitionsAtMost}) newest
  order by id`;

const selectStrangers = `select concat_ws('.', count(*), max(updated_at), sum(hashtext(name || state)::int8)) as text
  from fleet_deckies d where not exists (select from fleet_hosts h where h.host_uuid = d.host_uuid)`;

// Compare times, do not subtract them: extreme times that a compromised host writes must not break the page of all hosts.
const selectPulse = `select concat_ws('.', count(*), coalesce(sum(turn), 0), count(*) filter (where checked_at < due),
      count(stopped_at), max(stopped_at), count(paused_at), max(paused_at), max(paused_until), max(resumed_at), (select concat_ws('.', count(*), max(changed_at), max(position), count(silenced_by), max(acknowledged_at))
        from fleet_incidents where closed_at is null), (select concat_ws('.', max(id), max(ended_at),
        count(*) filter (where until > clock_timestamp())) from fleet_silences)) as text,
    coalesce(json_agg(host_uuid) filter (where last_pass_at > now() - interval '5 s' or stopped_at > now() - interval '5 s'
      or paused_at > now() - interval '5 s' or resumed_at > now() - interval '5 s'
      or checked_at < due and checked_at > due - interval '5 s'), '[]') as hosts
  from (select host_uuid, turn, last_pass_at, stopped_at, paused_at, paused_until, resumed_at, coalesce(last_full_pass_at, first_seen_at) as checked_at,
    clock_timestamp() - make_interval(secs => ${staleAfter('$1::int')}) as due from fleet_hosts h) h`;
