/** Parts of statements that read what any host's worker may have written: no value of one host may stop the reading of all. */

/** A time that is neither infinite nor in the future. @param time an expression */
export const bounded = (time: string): string =>
  `least(clock_timestamp(), greatest(${time}, timestamptz '2000-01-01 00:00:00Z'))`;

/** A time as ISO 8601 in UTC, under the column's own name. @param column with or without its table */
export const iso = (column: string): string =>
  `case when ${column} is not null then
    to_char(${bounded(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') end as ${column.replace(/^\w+\./, '')}`;

/** Seconds between a host's scheduled passes. @param ofOthers an expression: of hosts that have none of their own */
export const intervalSeconds = (ofOthers: string): string =>
  `least(greatest(coalesce(h.interval_s, ${ofOthers}), 1), 86400)`;

/** Seconds after its last full pass from which on a host is stale. */
export const staleAfter = (ofOthers: string): string => `3.0::float8 * ${intervalSeconds(ofOthers)}`;

/** Whether a host's last full pass is older than three intervals; null: there was none. @param now an expression */
export const isStale = (ofOthers: string, now = 'clock_timestamp()'): string =>
  `h.last_full_pass_at < ${now} - make_interval(secs => ${staleAfter(ofOthers)})`;
