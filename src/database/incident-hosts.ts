import { flapping } from '../fleet/alerts/alert.ts';
import type { HostFacts } from '../fleet/incidents/facts.ts';
import { longestReason } from '../lib/text.ts';
import { bounded, dockerAnswered, intervalSeconds, isExcused } from './sql.ts';

/** A host with something wrong, as the statement returns it. */
export interface HostRow extends Omit<HostFacts, 'failing' | 'stopped' | 'paused'> {
  readonly notified: string | null;
  readonly since: number | null;
  readonly observedAt: number | null;
  readonly stoppedAt: number | null;
  readonly stoppedBy: string | null;
  readonly pausedAt: number | null;
  readonly pausedUntil: number | null;
  readonly pausedBy: string | null;
  readonly pausedWhy: string | null;
  readonly failing: string | null;
}

export function hostOf(found: HostRow, now: number): HostFacts {
  const { notified, since, observedAt, stoppedAt, stoppedBy, failing, ...others } = found;
  const { pausedAt, pausedUntil, pausedBy, pausedWhy, ...row } = others;
  const words = new Set(notified?.split(' ') ?? []);
  return {
    ...row,
    staleSince: words.has('stale') ? since : null,
    unreachableSince: words.has('unreachable') ? (observedAt ?? since) : null,
    flappingSince: notified === flapping ? since : null,
    stopped: stoppedAt === null ? null : { by: stoppedBy, at: stoppedAt },
    paused:
      pausedAt === null
        ? null
        : { by: pausedBy ?? '', why: pausedWhy ?? '', since: pausedAt, until: pausedUntil },
    failing: failing === null ? null : { reason: failing, since: now },
  };
}

/** Null where there is no time. */
export const ms = (time: string): string =>
  `case when ${time} is not null then floor(extract(epoch from ${bounded(time)}) * 1000)::float8 end`;

/** A full pass is overdue from this many intervals, until the host is recorded as stale. */
const lateFrom = 1.7;
const isLate = `(h.stopped_at is null and not ${isExcused} and coalesce(a.told, 'ok') not like '%stale%'
  and h.last_full_pass_at < clock_timestamp() - make_interval(secs => ${lateFrom} * ${intervalSeconds('$1::int')}))`;
const failing = `case when ${dockerAnswered} then left(h.last_error, ${longestReason}) end`;

export const selectHosts = `select h.host_uuid as host, (select count(*)::int from fleet_deckies d where d.host_uuid = h.host_uuid) as deckies,
    ${intervalSeconds('$1::int')} * 1000 as "intervalMs", coalesce(${isLate}, false) as "isLate", a.told as notified, ${ms('a.since')} as since,
    ${ms('h.last_observed_at')} as "observedAt", ${ms('h.stopped_at')} as "stoppedAt",
    left(h.stopped_by, ${longestReason}) as "stoppedBy", ${failing} as failing, a.incident as under, coalesce(a.incident_told, false) as "isNotified",
    left(a.reason, ${longestReason}) as "dockerReason",
    ${ms('h.paused_at')} as "pausedAt", floor(extract(epoch from h.paused_until) * 1000)::float8 as "pausedUntil",
    ${ms('h.resumed_at')} as "resumedAt", h.paused_by as "pausedBy", h.paused_why as "pausedWhy"
  from fleet_hosts h left join fleet_alarms a on a.host_uuid = h.host_uuid and a.name = ''
  where coalesce(a.told, 'ok') <> 'ok' or a.incident is not null or ${isLate} or ${failing} is not null
    or h.paused_at is not null or h.host_uuid = any ($2::text[])`;
