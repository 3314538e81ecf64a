import { downStates, isAboutDecky, pending } from '../fleet/alerts/alert.ts';
import type { NotifiedAlert } from '../fleet/alerts/decide.ts';
import type { SentMessages } from '../fleet/alerts/limit.ts';
import { refreshed, waitingOf } from '../fleet/alerts/refresh.ts';
import type { Ended } from '../fleet/incidents/follow.ts';
import { type Judgement, judge } from '../fleet/incidents/judge.ts';
import type { JsonObject } from '../lib/json.ts';
import { longestReason } from '../lib/text.ts';
import { withinLimit } from '../lib/within-limit.ts';
import type { Deciding, Outbox, Sending } from '../pass/outbox.ts';
import { type AlertRow, alertFromRow, notifiedRow, selectAlerts, selectNamed } from './alert-rows.ts';
import { pruneAudit } from './audit.ts';
import type { Database } from './database.ts';
import { checkHosts } from './host-alerts.ts';
import { alertKey, judgedFacts, pruneIncidents, type Settled, writeIncidents } from './incidents.ts';
import { withLastLines } from './last-lines.ts';
import { unsettledSince, withChange } from './ledger/alerts.ts';
import { notifiedIncidents } from './open-incidents.ts';
import { recordOutage } from './outages.ts';
import { type Db, type Query, query } from './query.ts';
import { pruneSilences } from './silences.ts';
import { bounded } from './sql.ts';

/** Milliseconds after which the server ends the check of a process that hangs: passes may be waiting for rows that it locked. */
const lockTimeoutMs = 2000;

/**
 * @param options.intervalSeconds the interval of hosts without their own
 * @param options.graceSeconds the grace period
 * @param options.historyDays how long the audit log is kept
 */
export function postgresOutbox(
  database: Database,
  options: { intervalSeconds: number; graceSeconds: number; historyDays: number },
): Outbox {
  const ask = database.query;
  const isDue = evaluationTimes();
  /** The time that this process recorded last. */
  let recorded: string | null = null;
  return {
    check: (watchedMs, deciding) =>
      database.transaction(async (db) => {
        await query(db, beginCheck, [`${lockTimeoutMs}ms`]);
        const [lock] = await query<LockRow>(db, takeLock);
        if (lock === undefined) return { lastCheckSeconds: await secondsSinceLastCheck(db) };
        const wasSender = lock.at === recorded;
        const after = wasSender ? recordAfter.sender : recordAfter[deciding.messages ? 'others' : 'silent'];
        const [now] = await query<LockRow>(db, recordCheck, [after]);
        if (now !== undefined) recorded = now.at;
        const isSender = wasSender || now !== undefined;
        await checkHosts(db, [options.intervalSeconds, watchedMs / 1000], lockTimeoutMs);
        const settled = await recordSettled(db, deciding.settle);
        const wasAway = await recordOutage(db, deciding.databaseLostAt);
        if (!isDue(settled, deciding) && !wasAway) return { lastCheckSeconds: 0, isSender };
        return {
          lastCheckSeconds: 0,
          isSender,
          silent: await judgeFleet(db, settled, deciding, options.intervalSeconds),
        };
      }),
    isAway: () =>
      withinLimit(
        async () => (await ask<{ is_away: boolean }>(readAccess))[0]?.is_away ?? true,
        answersWithinMs,
      ).catch(() => true),
    prune: async () => {
      await ask(repairAlerts, [options.graceSeconds]);
      await ask(deleteCleared);
      await ask(pruneIncidents);
      await ask(pruneSilences);
      await pruneAudit(ask, options.historyDays);
      const dropped = await ask(dropOld);
      return { dropped: dropped.length };
    },
    claim: async (leaseSeconds, receiver) => {
      const [next] = await ask<Sending>(claimNext, [leaseSeconds, receiver]);
      return next === undefined ? null : { ...next, body: await bodyOfNow(ask, next.body) };
    },
    delivered: async (id) => void (await ask(deleteOne, [id])),
    drop: async (id) => void (await ask(deleteOne, [id])),
    postpone: async (id, seconds, reason) =>
      void (await ask(
        `update fleet_notifications set attempts = attempts + 1, fault = $3,
           due_at = clock_timestamp() + make_interval(secs => $2::float8) where id = $1`,
        [id, seconds, reason],
      )),
    open: () => notifiedIncidents(ask),
  };
}

/** The time limit in milliseconds for the answer to a trivial statement. */
const answersWithinMs = 3000;
/** A standby answers, and records nothing. */
const readAccess = `select current_setting('transaction_read_only') = 'on' as is_away`;

const beginCheck = `select set_config('lock_timeout', $1, true), set_config('statement_timeout', '10s', true),
    set_config('idle_in_transaction_session_timeout', $1, true)`;

interface LockRow {
  /** When a check was recorded last. */
  readonly at: string;
}

const takeLock = `select used_at::text as at from fleet_locks where name = 'alarms' for update skip locked`;

/**
 * Seconds after which the time of a check is recorded again: rarely enough to be cheap, and often enough to detect a minute
 * without a check. One process goes on recording it while it is running, so that all know which one reports an outage of the
 * database; those without a receiver come last.
 */
const recordAfter = { sender: 10, others: 15, silent: 30 };
const recordCheck = `update fleet_locks set used_at = clock_timestamp()
  where name = 'alarms' and used_at < clock_timestamp() - make_interval(secs => $1::float8) returning used_at::text as at`;

async function secondsSinceLastCheck(db: Db): Promise<number> {
  const [row] = await query<{ seconds: number }>(
    db,
    `select extract(epoch from clock_timestamp() - used_at)::float8 as seconds
     from fleet_locks where name = 'alarms'`,
  );
  return row?.seconds ?? Infinity;
}

/** Milliseconds between two evaluations of the incidents, if nothing else says that they may have changed. */
const evaluateEveryMs = 5000;

/** Whether the incidents are evaluated now: an alert has settled, the control plane has changed, or it is time. */
function evaluationTimes(): (settled: Settled & { any: boolean }, deciding: Deciding) => boolean {
  let at = -Infinity;
  let known = '';
  return ({ any }, { control: { queuesLostAt, schedulerLostAt, paused } }) => {
    const control = JSON.stringify([queuesLostAt, schedulerLostAt, [...paused.keys()]]);
    if (!any && control === known && performance.now() - at < evaluateEveryMs) return false;
    at = performance.now();
    known = control;
    return true;
  };
}

/** Records the states that have settled. */
async function recordSettled(db: Db, settle: Deciding['settle']): Promise<Settled & { any: boolean }> {
  const rows = await query<AlertRow>(db, selectAlerts);
  const [first] = rows;
  const notified = first === undefined ? [] : settle(first.now, rows.map(alertFromRow));
  if (notified.length > 0) await query(db, updateNotified, [JSON.stringify(notified.map(notifiedRow))]);
  const before = new Map(rows.map((row) => [alertKey(row.host, row.name), row]));
  const rowOf = ({ host, subject }: NotifiedAlert): AlertRow | undefined =>
    before.get(alertKey(host, subject.kind === 'decky' ? subject.name : ''));
  return {
    any: notified.length > 0,
    previous: new Map(
      notified.flatMap((one) => {
        const row = rowOf(one);
        return row === undefined ? [] : [[alertKey(row.host, row.name), row.notified] as const];
      }),
    ),
    ended: notified.flatMap((one): readonly Ended[] => {
      const row = rowOf(one);
      if (one.subject.kind === 'host' || one.subject.notified !== null || row?.incident == null) return [];
      return [{ host: row.host, name: row.name, under: row.incident, how: 'removed' }];
    }),
  };
}

/** Decides which incidents are open and which messages are sent about them, and writes that. @returns the hosts whose passes are overdue */
async function judgeFleet(
  db: Db,
  settled: Settled,
  { control, messages, receiversOf }: Deciding,
  intervalSeconds: number,
): Promise<readonly string[]> {
  const limits = await query<{ host_uuid: string } & SentMessages>(db, selectLimits);
  const sent = new Map(limits.map(({ host_uuid, ...rest }) => [host_uuid, rest]));
  const facts = await judgedFacts(db, { control, settled, sent, intervalSeconds });
  const judgement = judge(facts, messages);
  await writeIncidents(db, facts, judgement);
  await writeMessages(db, judgement, receiversOf);
  return facts.hosts
    .filter(({ isLate, staleSince }) => isLate || staleSince !== null)
    .map(({ host }) => host);
}

interface DeckyCount {
  readonly host_uuid: string;
  readonly count: number;
}

const countDeckies =
  'select host_uuid, count(*)::int as count from fleet_deckies where host_uuid = any ($1::text[]) group by 1';

/** A message may have waited for its receiver for hours: it carries the reason of the moment it is sent. */
async function bodyOfNow(ask: Query, body: JsonObject): Promise<JsonObject> {
  const waiting = waitingOf(body);
  if (waiting === null) return body;
  const alerts = await ask<AlertRow>(selectNamed, [waiting.host, waiting.names]);
  const [deckies] = await ask<DeckyCount>(countDeckies, [[waiting.host]]);
  return refreshed(body, waiting, alerts.map(alertFromRow).filter(isAboutDecky), deckies?.count ?? 0);
}

/** The time window in seconds for the limit on messages about a host. */
const limitWindowSeconds = 60;

const selectLimits = `select host_uuid, sent, held_back > 0 as limited from fleet_limits
  where since > clock_timestamp() - make_interval(secs => ${limitWindowSeconds})`;

const updateLimits = `insert into fleet_limits as l (host_uuid, since, sent, held_back)
  select host, clock_timestamp(), sent, "heldBack"
  from jsonb_to_recordset($1::jsonb) as i(host text, sent int, "heldBack" int)
  on conflict (host_uuid) do update set sent = excluded.sent, held_back = greatest(
      case when l.since > clock_timestamp() - make_interval(secs => ${limitWindowSeconds}) then l.held_back else 0 end,
      excluded.held_back),
    since = case when l.since > clock_timestamp() - make_interval(secs => ${limitWindowSeconds}) then l.since
      else excluded.since end`;

async function writeMessages(
  db: Db,
  { notifications, limits }: Judgement,
  receiversOf: Deciding['receiversOf'],
): Promise<void> {
  if (limits.length > 0) await query(db, updateLimits, [JSON.stringify(limits)]);
  const messages = await withLastLines(db, notifications);
  const rows = messages.flatMap((body) => receiversOf(body).map((receiver) => ({ receiver, body })));
  if (rows.length > 0) await query(db, insertNotifications, [JSON.stringify(rows)]);
}

const insertNotifications = `insert into fleet_notifications (receiver, host_uuid, body, created_at, due_at)
  select entry ->> 'receiver', entry -> 'body' ->> 'host_uuid', entry -> 'body', clock_timestamp(), clock_timestamp()
  from jsonb_array_elements($1::jsonb) with ordinality as i(entry, position) order by position`;

const updateNotified = `with input as materialized (
    select * from jsonb_to_recordset($1::jsonb) as i(host text, name text, notified text, "clearsChanges" boolean)),
  gone as (
    delete from fleet_alarms a using input i where a.host_uuid = i.host and a.name = i.name and i.notified is null)
  update fleet_alarms a set told = i.notified, unsettled_at = null,
    recent = case when i."clearsChanges" then '[]' else ${withChange('a.recent', 'clock_timestamp()')} end
  from input i where a.host_uuid = i.host and a.name = i.name and i.notified is not null`;

const down = `('${downStates.join(`', '`)}')`;

/**
 * Updates alerts after changes by other programs, and by workers of earlier versions, which do not write these alerts. A
 * `running` that another program wrote counts once a pass that observed Docker has written the row, or once the grace period is
 * over and a full pass has left it unchanged: some programs write `running` before any container starts. The same holds for
 * `pending`, and for what followed it.
 */
const repairAlerts = `with wrong as (
    select a.host_uuid, a.name, coalesce(d.state, 'removed') as now_state,
      case when d.state in ${down} then d.last_error end as error
    from fleet_alarms a join fleet_hosts h on h.host_uuid = a.host_uuid
    left join fleet_deckies d on d.host_uuid = a.host_uuid and d.name = a.name
    where a.name <> '' and a.state <> 'removed' and (d.name is null or a.state <> d.state and
      (d.state in ('running', '${pending}') or a.state = '${pending}' and d.state in ${down}) and (
        h.last_full_pass_at > greatest(${bounded('d.updated_at')} + make_interval(secs => $1::float8), a.changed_at) or
        d.reconciled_at = d.updated_at and d.updated_at > a.changed_at and h.last_observed_at >= d.updated_at))
    for update of a skip locked)
  update fleet_alarms a set state = w.now_state, reason = coalesce(left(w.error, ${longestReason}), 'by another program'),
    cause = null, last_lines = null, since = clock_timestamp(), changed_at = clock_timestamp(),
    unsettled_at = ${unsettledSince('a', 'clock_timestamp()')}
  from wrong w where a.host_uuid = w.host_uuid and a.name = w.name`;

/** Deletes alerts that are clear, notified and no longer flapping, and alerts of hosts that were removed during the check. */
const deleteCleared = `delete from fleet_alarms where (host_uuid, name) in (
    select host_uuid, name from fleet_alarms a
    where told = state and state in ('running', 'ok') and changed_at < clock_timestamp() - interval '10 minutes'
      or not exists (select 1 from fleet_hosts h where h.host_uuid = a.host_uuid)
    for update skip locked)`;

const dropOld = `delete from fleet_notifications where id in (
    select id from fleet_notifications where created_at < clock_timestamp() - interval '24 hours'
    for update skip locked)
  returning 1`;

// A receiver gets a host's messages in order: a recovery never overtakes the failure before it. A message whose due time is later than
// the longest postponement was written before the clock was set back, so it is due.
const claimNext = `update fleet_notifications set due_at = clock_timestamp() + make_interval(secs => $1::float8)
  where id = (
    select id from fleet_notifications n
    where receiver = $2 and due_at not between clock_timestamp() and clock_timestamp() + interval '2 hours' and not exists (
      select 1 from fleet_notifications e
      where e.receiver = n.receiver and e.host_uuid = n.host_uuid and e.position < n.position)
    order by due_at, position limit 1 for update skip locked)
  returning id, attempts, body`;

const deleteOne = 'delete from fleet_notifications where id = $1';
