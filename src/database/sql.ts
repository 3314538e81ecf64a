import { returnsWithinMs } from '../fleet/pause.ts';
import { longestReason } from '../lib/text.ts';

/** Parts of statements that read what any host's worker may have written: no value of one host may stop the reading of all. */

/** Limits a time to the range from 2000 to now. @param time an SQL expression */
export const bounded = (time: string): string =>
  `least(clock_timestamp(), greatest(${time}, timestamptz '2000-01-01 00:00:00Z'))`;

/** A time as ISO 8601 in UTC, with the name of the column. @param column with or without its table */
export const iso = (column: string): string =>
  `case when ${column} is not null then
    to_char(${bounded(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') end as ${column.replace(/^\w+\./, '')}`;

/** The interval of a host in seconds. @param ofOthers an SQL expression: the interval of hosts without their own */
export const intervalSeconds = (ofOthers: string): string =>
  `least(greatest(coalesce(h.interval_s, ${ofOthers}), 1), 86400)`;

/** The age of the last full pass, in seconds, from which a host is stale. */
export const staleAfter = (ofOthers: string): string => `3.0::float8 * ${intervalSeconds(ofOthers)}`;

/** Whether Docker answered the last full pass of a host; null: no full pass. */
export const dockerAnswered = `(case when h.last_full_pass_at is not null
  then coalesce(h.last_observed_at >= h.last_full_pass_at, false) end)`;

/** Whether a host's last full pass is older than three intervals; null: no full pass. @param now an SQL expression */
export const isStale = (ofOthers: string, now = 'clock_timestamp()'): string =>
  `h.last_full_pass_at < ${now} - make_interval(secs => ${staleAfter(ofOthers)})`;

/** Whether nobody expects passes of a host: somebody paused them, or has just resumed them. */
export const isExcused = `(h.paused_at is not null
  or coalesce(h.resumed_at > clock_timestamp() - make_interval(secs => ${returnsWithinMs / 1000}), false))`;

/** A reason as people read it, under the column's own name. @param column with or without its table */
export const shortReason = (column: string): string =>
  `left(${column}, ${longestReason}) as ${column.replace(/^\w+\./, '')}`;

/** Bytes, as stored: many more than the services of any decky take. */
const servicesAtMost = 8000;

/** The services of a row as people read them, and nothing of what is far too long. @param row its alias */
export const readableServices = (row: string): string =>
  `case when pg_column_size(${row}.services) <= ${servicesAtMost} and jsonb_typeof(${row}.services) = 'array'
    then ${row}.services else '[]' end`;

const memoryParts = ['held', 'left', 'contested'] as const;
type MemoryPart = (typeof memoryParts)[number] | 'undeclared';
/** Of each kind, of one host. */
const entriesAtMost = 10_000;
const longestName = 128;

const entriesOf = (kind: string): string => `(select key, value from jsonb_each(
    case when jsonb_typeof(h.notes -> '${kind}') = 'object' then h.notes -> '${kind}' else '{}' end)
  where jsonb_typeof(value) = 'object')`;

/** How many entries of a kind the memory of a host has. @param which an SQL condition on the `value` of an entry */
export const countEntries = (kind: MemoryPart, which = 'true'): string =>
  `(select count(*)::int from ${entriesOf(kind)} n where ${which})`;

/** As many as a pass remembers of one host, and of one decky. */
const undeclaredAtMost = 1000;
const containersAtMost = 20;

/** Some texts of a list. A cut name ends with a sign that no container's name has. @param list an SQL expression */
const readableNames = (list: string): string => `(select jsonb_agg(
    case when length(t) > ${longestName} then left(t, ${longestName - 1}) || '…' else t end)
  from (select e #>> '{}' as t from jsonb_array_elements(
      case when jsonb_typeof(${list}) = 'array' then ${list} else '[]' end) e
    where jsonb_typeof(e) = 'string' limit ${containersAtMost}) e)`;

const readableUndeclared = `(select jsonb_object_agg(left(key, ${longestName}), jsonb_build_object(
    'kind', left(value ->> 'kind', 64), 'since', left(value ->> 'since', 64),
    'containers', ${readableNames(`value -> 'containers'`)}))
  from (select * from ${entriesOf('undeclared')} n limit ${undeclaredAtMost}) n)`;

const readablePorts = `case when jsonb_typeof(h.notes -> 'ports') = 'object'
  then jsonb_build_object('unchecked', left(h.notes -> 'ports' ->> 'unchecked', ${longestReason})) end`;

const decnetMemory = `h.notes -> 'decnet'`;

const readableDecnet = `case when jsonb_typeof(${decnetMemory}) = 'object' then jsonb_build_object(${[
  ['synced_at', 64],
  ['failing_since', 64],
  ['reason', longestReason],
  ['rival', longestReason],
]
  .map(([key, max]) => `'${key}', left(${decnetMemory} ->> '${key}', ${max})`)
  .join(', ')}) end`;

/** Whether DECNET's own table of a host is kept as ours; null: the host has none. */
export const decnetInSync = `(case when jsonb_typeof(${decnetMemory}) = 'object'
  then ${decnetMemory} ->> 'failing_since' is null and ${decnetMemory} ->> 'synced_at' is not null end)`;

/** Whether another program changes DECNET's table back again and again; null: the host has none. */
export const decnetContested = `(case when jsonb_typeof(${decnetMemory}) = 'object'
  then ${decnetMemory} ->> 'rival' is not null end)`;

/** What of the memory of a host people read: a worker that was taken over may have written megabytes of them. */
export const readableMemory = `jsonb_build_object(${memoryParts
  .map(
    (kind) => `'${kind}', (select jsonb_object_agg(left(key, ${longestName}), jsonb_build_object(
        'reason', left(value ->> 'reason', ${longestReason}), 'since', left(value ->> 'since', 64)))
      from (select * from ${entriesOf(kind)} n limit ${entriesAtMost}) n)`,
  )
  .join(', ')}, 'undeclared', ${readableUndeclared}, 'ports', ${readablePorts}, 'decnet', ${readableDecnet})`;

const rollout = `h.notes #> '{deployments,rollout}'`;
const neverRan = `h.notes #> '{deployments,never_ran}'`;
const namesShown = 3;

/**
 * The deployment under way on a host, as `of` (text) or `names` and `count`, and `since`; null: none. Without one of the whole
 * host it is that of the deckies which have not run since they were declared, as far as their rows are pending.
 */
export const readableDeploying = `(case when jsonb_typeof(${rollout}) = 'object'
  then jsonb_build_object('of', left(${rollout} ->> 'of', ${longestReason}), 'since', left(${rollout} ->> 'since', 64))
  else (select case when count(*) > 0 then jsonb_build_object('names', (array_agg(name order by name))[1:${namesShown}],
      'count', count(*), 'since', min(since)) end
    from (select left(key, ${longestName}) as name, left(value #>> '{}', 64) as since
      from (select * from jsonb_each(
        case when jsonb_typeof(${neverRan}) = 'object' then ${neverRan} else '{}' end) limit ${entriesAtMost}) n
      where exists (select from fleet_deckies d
        where d.host_uuid = h.host_uuid and d.name = key and d.state = 'pending')) n) end)`;
