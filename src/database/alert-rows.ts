import {
  type Alert,
  flapping,
  type HostFault,
  hostFaults,
  hostState,
  pending,
} from '../fleet/alerts/alert.ts';
import type { NotifiedAlert } from '../fleet/alerts/decide.ts';
import { longestReason } from '../lib/text.ts';
import { causeBytesAtMost, causeFromJson } from './cause.ts';
import { newestChanges } from './ledger/alerts.ts';
import { bounded } from './sql.ts';

/** A row of `fleet_alarms`; with an empty name it is about the host. Any granted worker may have written its own rows. */
export interface AlertRow {
  readonly host: string;
  readonly name: string;
  readonly state: string;
  readonly notified: string;
  readonly reason: string | null;
  readonly cause: unknown;
  readonly since: number;
  readonly changedAt: number;
  readonly unsettledAt: number;
  readonly recent: unknown;
  /** Null: its worker did not stop on request. Epoch milliseconds. */
  readonly stoppedAt: number | null;
  readonly stoppedBy: string | null;
  readonly now: number;
  /** The open incident that it belongs to. */
  readonly incident: string | null;
}

const milliseconds = (time: string): string => `floor(extract(epoch from ${bounded(time)}) * 1000)::float8`;

/** More rows than any host has deckies; limits the number of rows that a compromised host can make this process read. */
const rowsAtMost = 20_000;

const columns = `a.host_uuid as host, a.name, a.state, a.told as notified,
    left(a.reason, ${longestReason}) as reason, ${newestChanges('a.recent')} as recent,
    case when octet_length(a.cause::text) <= ${causeBytesAtMost} then a.cause end as cause,
    ${milliseconds('a.since')} as since, ${milliseconds('a.changed_at')} as "changedAt",
    ${milliseconds('coalesce(a.unsettled_at, a.changed_at)')} as "unsettledAt", ${milliseconds('clock_timestamp()')} as now,
    case when h.stopped_at is not null then ${milliseconds('h.stopped_at')} end as "stoppedAt",
    left(h.stopped_by, ${longestReason}) as "stoppedBy", a.incident`;

/** The alerts of some deckies of a host. */
export const selectNamed = `select ${columns} from fleet_alarms a left join fleet_hosts h on h.host_uuid = a.host_uuid
  where a.host_uuid = $1 and a.name = any ($2::text[])`;

// Rows that a pass is writing now are left to the next check, so that neither waits for the other.
export const selectAlerts = `select ${columns}
  from (select distinct host_uuid from fleet_alarms join fleet_hosts using (host_uuid)
    where told <> state and state <> '${pending}') due
  cross join lateral (select * from fleet_alarms l where l.host_uuid = due.host_uuid
    limit ${rowsAtMost} for update skip locked) a
  left join fleet_hosts h on h.host_uuid = a.host_uuid
  order by a.host_uuid, a.name`;

export function alertFromRow(row: AlertRow): Alert {
  const { host, name, state, notified, reason, since, changedAt, unsettledAt } = row;
  const shared = { host, reason, since, changedAt, unsettledAt, recent: timesOf(row.recent) };
  if (name !== '')
    return { ...shared, subject: { kind: 'decky', name, state, notified, cause: causeFromJson(row.cause) } };
  return {
    ...shared,
    subject: {
      kind: 'host',
      faults: faultsOf(state),
      notified: notified === flapping ? flapping : faultsOf(notified),
      stopped: row.stoppedAt === null ? null : { by: row.stoppedBy, at: row.stoppedAt },
    },
  };
}

const timesOf = (recent: unknown): readonly number[] =>
  Array.isArray(recent) ? recent.flatMap((at) => (typeof at === 'number' ? [at * 1000] : [])) : [];

/** The faults that a row names; it may hold other words. */
function faultsOf(state: string): ReadonlySet<HostFault> {
  const words = new Set(state.split(' '));
  return new Set(hostFaults.filter((fault) => words.has(fault)));
}

/** What the statement takes from a notified alert. */
export interface NotifiedRow {
  readonly host: string;
  readonly name: string;
  /** Null: the row is deleted. */
  readonly notified: string | null;
  readonly clearsChanges: boolean;
}

export const notifiedRow = ({ host, subject, clearsChanges }: NotifiedAlert): NotifiedRow =>
  subject.kind === 'decky'
    ? { host, name: subject.name, notified: subject.notified, clearsChanges }
    : {
        host,
        name: '',
        notified: subject.notified === flapping ? flapping : hostState(subject.notified),
        clearsChanges,
      };
