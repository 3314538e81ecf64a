import { fleetStates } from '../../fleet/state.ts';
import type { FleetSums, PartedWindow, PartOfHost } from '../../views/availability.ts';
import type { Query } from '../query.ts';
import { isStale } from '../sql.ts';

/** More changes are not read: a compromised host may have written any number. */
const changesAtMost = 500_000;

interface SumsRow extends PartOfHost {
  readonly deckies: number;
  readonly read_from: number;
}

/**
 * The availability of the fleet over a window, by host and part: what `availabilityOf` says of each decky, summed in the database.
 * @param defaultIntervalSeconds the interval of hosts without their own
 */
export async function fleetAvailability(
  query: Query,
  defaultIntervalSeconds: number,
  { from, to, parts }: PartedWindow,
): Promise<FleetSums> {
  const rows = await query<SumsRow>(selectSums, [from, to, parts, defaultIntervalSeconds]);
  return {
    parts: rows.map(({ host_uuid, part, runningMs, knownMs }) => ({ host_uuid, part, runningMs, knownMs })),
    deckies: new Map(rows.map(({ host_uuid, deckies }) => [host_uuid, deckies])),
    readFrom: Math.max(from, rows[0]?.read_from ?? from),
  };
}

/** A state as the pages know it. @param column an SQL expression */
const known = (column: string): string =>
  `case when ${column} in (${fleetStates.map((state) => `'${state}'`).join(', ')}) then ${column} end`;
const time = (value: string): string => `to_timestamp(${value}::float8 / 1000)`;
const ms = (column: string): string => `extract(epoch from ${column})::float8 * 1000`;

/** Each change of a state within the window, and the state of each decky before it. */
const selectStates = `inside as materialized (
    select host_uuid, name, at, id, ${known('to_state')} as state from fleet_transitions
    where at > ${time('$1')} and at <= ${time('$2')} and from_state is distinct from to_state
    order by at desc limit ${changesAtMost + 1}),
  read as materialized (
    select case when count(*) > ${changesAtMost} then min(at) else ${time('$1')} end as since from inside),
  deckies as materialized (
    select row_number() over () as number, host_uuid, name, first from (
      select host_uuid, name, min(first) as first from (
        select host_uuid, name, null::bigint as first from fleet_deckies
        union all select host_uuid, name, id from inside) d group by host_uuid, name) d),
  states as (
    select d.number, d.host_uuid, ${ms('since')} as at, 0::bigint as id, t.state from read, deckies d cross join lateral (
      select ${known('to_state')} as state from fleet_transitions t
      where t.host_uuid = d.host_uuid and t.name = d.name and t.from_state is distinct from t.to_state
        and t.id < coalesce(d.first, 9223372036854775807) and t.at <= since
      order by t.id desc limit 1) t
    union all
    select d.number, d.host_uuid, ${ms('i.at')}, i.id, i.state from read, inside i join deckies d using (host_uuid, name)
    where i.at > since)`;

/** When a host was not monitored: its gaps, and if it is stale, the time since its last full pass. */
const selectUnseen = `unseen as materialized (
    select host_uuid, greatest(${ms('from_at')}, $1) as from_at, least(${ms('to_at')}, $2) as to_at from fleet_gaps
    where to_at > ${time('$1')} and from_at < ${time('$2')}
    union all
    select host_uuid, least($2, greatest(${ms('h.last_full_pass_at')}, $1)), $2
    from (select distinct host_uuid from deckies) d left join fleet_hosts h using (host_uuid)
    where coalesce(${isStale('$4::int')}, true))`;

/**
 * Each host's time is cut at the bounds of the parts and of what was not monitored. How many deckies run in such a slot is the sum
 * of all changes before it; the changes within it count for the rest of the slot.
 */
const selectSums = `with bounds as materialized (
    select $1::float8 + n::float8 / $3::int * ($2::float8 - $1::float8) as at from generate_series(0, $3::int) n),
  ${selectStates},
  ${selectUnseen},
  cuts as materialized (
    select host_uuid, array_agg(at order by at) as cuts from (
      select host_uuid, at from (select distinct host_uuid from deckies) d, bounds
      union select host_uuid, from_at from unseen union select host_uuid, to_at from unseen) c
    group by host_uuid),
  changes as (
    select host_uuid, at, coalesce((state = 'running')::int, 0) - coalesce((last = 'running')::int, 0) as running,
      (state is not null)::int - (last is not null)::int as known
    from (select host_uuid, at, state, lag(state) over (partition by number order by at, id) as last from states) s),
  steps as (
    select host_uuid, slot, sum(running) as running, sum(known) as known,
      sum(running * (cuts[slot + 1] - at)) as running_rest, sum(known * (cuts[slot + 1] - at)) as known_rest
    from (select host_uuid, at, running, known, cuts, width_bucket(at, cuts) as slot
      from changes join cuts using (host_uuid) where (running <> 0 or known <> 0) and at < $2) s
    group by host_uuid, slot),
  slots as (
    select host_uuid, slot, at, lead(at) over (partition by host_uuid order by slot) as until
    from cuts, unnest(cuts) with ordinality u (at, slot)),
  spans as (
    select host_uuid, at, until, coalesce(running_rest, 0) + (until - at) * coalesce(sum(running) over before, 0) as running,
      coalesce(known_rest, 0) + (until - at) * coalesce(sum(known) over before, 0) as known
    from slots left join steps using (host_uuid, slot)
    window before as (partition by host_uuid order by slot rows between unbounded preceding and 1 preceding)),
  sums as (
    select host_uuid, width_bucket(at, (select array_agg(at order by at) from bounds)) - 1 as part,
      sum(running) as running, sum(known) as known
    from spans s where until is not null and not exists (
      select from unseen u where u.host_uuid = s.host_uuid and u.from_at <= s.at and u.to_at >= s.until)
    group by 1, 2)
  select host_uuid, part, running as "runningMs", known as "knownMs", c.deckies, (select ${ms('since')} from read) as read_from
  from sums join (select host_uuid, count(*)::int as deckies from deckies group by host_uuid) c using (host_uuid)
  order by host_uuid, part`;
