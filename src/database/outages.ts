import { outageFromMs } from '../fleet/incidents/outage.ts';
import { sentences } from '../fleet/incidents/words.ts';
import { type Db, query } from './query.ts';

/** Records that the database was away: a message about its end is sent next. @returns whether it was recorded */
export async function recordOutage(db: Db, lostAt: number | null): Promise<boolean> {
  if (lostAt === null) return false;
  const kind = 'database_unreachable';
  const { cause, next } = sentences[kind]();
  const recorded = await query(db, insertOutage, [kind, cause, next.command, lostAt, outageFromMs]);
  return recorded.length > 0;
}

// Every process that was cut off from it knows; the first one records it.
const insertOutage = `insert into fleet_incidents (id, kind, severity, cause, next_command, since, opened_at, changed_at, closed_at,
    resolution, extent, most, affected, ever)
  select $1, $1, 'critical', $2, $3, at, at, now, now, 'recovered', none, none, affected, affected
  from (select to_timestamp($4::float8 / 1000) as at, clock_timestamp() as now,
      '{"hosts": 0, "deckies": 0, "down": 0}'::jsonb as none,
      '[{"host": null, "name": "database", "state": null}]'::jsonb as affected) outage
  where now - at >= make_interval(secs => $5::float8 / 1000) and not exists (
    select from fleet_incidents where kind = $1 and closed_at > at)
  returning position`;
