import { longestWho, longestWhy } from '../fleet/who-why.ts';
import { printable, shortened } from '../lib/text.ts';
import type { Pauses, PauseTerms, RecordedPause } from '../pass/pauses.ts';
import type { Query } from './query.ts';

/** The record of paused hosts, in columns of `fleet_hosts` that no worker may write. */
export const postgresPauses = (query: Query): Pauses => ({
  begin: async (host, { by, why, end }) =>
    (
      await query<RecordedPause>(beginPause, [
        host,
        shortened(printable(by), longestWho),
        shortened(printable(why), longestWhy),
        ...endOf(end),
      ])
    )[0] ?? null,
  end: async (host, onlyIfOver = false) =>
    (await query<RecordedPause>(endPause, [host, onlyIfOver]))[0] ?? null,
  isPaused: async (host) =>
    (await query('select from fleet_hosts where host_uuid = $1 and paused_at is not null', [host])).length >
    0,
  all: () =>
    query(`select host_uuid as host, coalesce(paused_until <= clock_timestamp(), false) as "isOver"
      from fleet_hosts where paused_at is not null order by host_uuid`),
});

const endOf = (end: PauseTerms['end']): readonly [seconds: number | null, at: string | null] =>
  end === null ? [null, null] : 'seconds' in end ? [end.seconds, null] : [null, end.at];

/** A time of a pause, which may be in the future, as ISO 8601 in UTC. */
export const isoPause = (column: string): string =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const columns = (row: string): string =>
  `${row}.paused_by as by, ${row}.paused_why as why, ${isoPause(`${row}.paused_at`)} as since, ${isoPause(`${row}.paused_until`)} as until`;

const beginPause = `update fleet_hosts h set paused_at = coalesce(h.paused_at, clock_timestamp()), paused_by = $2,
    paused_why = $3, resumed_at = null,
    paused_until = coalesce(clock_timestamp() + make_interval(secs => $4::float8), $5::timestamptz)
  where host_uuid = $1 returning ${columns('h')}`;

const endPause = `with before as (
    select host_uuid, paused_by, paused_why, paused_at, paused_until from fleet_hosts
    where host_uuid = $1 and paused_at is not null and (not $2::boolean or paused_until <= clock_timestamp()) for update)
  update fleet_hosts h set paused_at = null, paused_until = null, paused_by = null, paused_why = null,
    resumed_at = clock_timestamp()
  from before b where h.host_uuid = b.host_uuid returning ${columns('b')}`;
