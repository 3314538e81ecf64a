import { withheldKinds } from '../fleet/heartbeat.ts';
import { longestReason, printable, shortened } from '../lib/text.ts';
import type { HeartbeatRecord } from '../pass/heartbeat.ts';
import type { HeartbeatView } from '../views/heartbeat.ts';
import type { Query } from './query.ts';
import { isStale } from './sql.ts';

/** @param defaultIntervalSeconds the interval of hosts without their own */
export const postgresHeartbeat = (query: Query, defaultIntervalSeconds: number): HeartbeatRecord => ({
  passes: async () => {
    const [found] = await query<{ hosts: number; fresh: number }>(
      `select count(*)::int as hosts, (count(*) filter (where not coalesce(${isStale('$1::int')}, true)))::int as fresh
       from fleet_hosts h where first_seen_at is not null`,
      [defaultIntervalSeconds],
    );
    return { hosts: found?.hosts ?? 0, freshHosts: found?.fresh ?? 0 };
  },
  claim: async (seconds) => (await query(claimNext, [seconds])).length > 0,
  sent: async (receiver) =>
    void (await query(
      `insert into fleet_heartbeat (receiver, claimed_at, sent_at) values ($1, clock_timestamp(), clock_timestamp())
       on conflict (is_only) do update set receiver = excluded.receiver, sent_at = excluded.sent_at,
         withheld = null, reason = null`,
      [receiver],
    )),
  withheld: async ({ why, reason }, receiver, againInSeconds) =>
    void (await query(noteWithheld, [
      receiver,
      why,
      shortened(printable(reason), longestReason),
      againInSeconds,
    ])),
  forget: async () => void (await query('delete from fleet_heartbeat')),
});

// A time in the future was written before the clock was set back.
const claimNext = `insert into fleet_heartbeat as h (receiver, claimed_at) values ('', clock_timestamp())
  on conflict (is_only) do update set claimed_at = excluded.claimed_at
    where h.claimed_at is null
      or h.claimed_at not between clock_timestamp() - make_interval(secs => $1::float8) and clock_timestamp()
  returning 1`;

/** Writes only what is new: it is called every few seconds. */
const noteWithheld = `insert into fleet_heartbeat as h (receiver, withheld, reason) values ($1, $2, $3)
  on conflict (is_only) do update set receiver = excluded.receiver, withheld = excluded.withheld,
    reason = excluded.reason,
    claimed_at = case when $2 = 'receiver' then h.claimed_at - make_interval(secs => $4::float8) else h.claimed_at end
    where (h.receiver, h.withheld, h.reason) is distinct from (excluded.receiver, excluded.withheld, excluded.reason)
      or $2 = 'receiver'`;

/** Null: heartbeats are not configured, or none was due yet. */
export async function heartbeatView(query: Query): Promise<HeartbeatView | null> {
  const [row] = await query<{
    age: number | null;
    why: string | null;
    reason: string | null;
    receiver: string;
  }>(
    `select extract(epoch from clock_timestamp() - sent_at)::float8 as age, withheld as why, reason, receiver
     from fleet_heartbeat`,
  );
  if (row === undefined) return null;
  const { age, why, reason, receiver } = row;
  return {
    sentAgeSeconds: age === null ? null : Math.max(0, age),
    why: withheldKinds.find((kind) => kind === why) ?? null,
    reason,
    receiver,
  };
}
