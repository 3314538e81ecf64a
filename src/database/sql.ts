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

/** A reason as people read it, under the column's own name. @param column with or without its table */
export const shortReason = (column: string): string =>
  `left(${column}, ${longestReason}) as ${column.replace(/^\w+\./, '')}`;

/** Bytes, as stored: many more than the services of any decky take. */
const servicesAtMost = 8000;

/** The services of a row as people read them, and nothing of what is far too long. @param row its alias */
export const readableServices = (row: string): string =>
  `case when pg_column_size(${row}.services) <= ${servicesAtMost} and jsonb_typeof(${row}.services) = 'array'
    then ${row}.services else '[]' end`;

const kindsOfNotes = ['held', 'left', 'contested'] as const;
/** Of each kind, of one host. */
const notesAtMost = 10_000;
const longestName = 128;

const notes = (kind: string): string => `(select key, value from jsonb_each(
    case when jsonb_typeof(h.notes -> '${kind}') = 'object' then h.notes -> '${kind}' else '{}' end)
  where jsonb_typeof(value) = 'object')`;

/** How many notes of a kind a host has. */
export const countNotes = (kind: (typeof kindsOfNotes)[number]): string =>
  `(select count(*)::int from ${notes(kind)} n)`;

/** What of the notes of a host people read: a worker that was taken over may have written megabytes of them. */
export const readableNotes = `jsonb_build_object(${kindsOfNotes
  .map(
    (kind) => `'${kind}', (select jsonb_object_agg(left(key, ${longestName}), jsonb_build_object(
        'reason', left(value ->> 'reason', ${longestReason}), 'since', left(value ->> 'since', 64)))
      from (select * from ${notes(kind)} n limit ${notesAtMost}) n)`,
  )
  .join(', ')})`;
