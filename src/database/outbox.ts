import type { AlertFacts, Decision } from '../fleet/alerts/decide.ts';
import { codeOf } from '../lib/errors.ts';
import type { Outbox, Sending } from '../pass/outbox.ts';
import { type AlertRow, alertFromRow, notifiedRow, selectAlerts } from './alert-rows.ts';
import type { Database } from './database.ts';
import { withChange } from './ledger/alerts.ts';
import { type Db, query } from './query.ts';
import { bounded, dockerAnswered, isStale, staleAfter } from './sql.ts';

/** Milliseconds after which the server ends the check of a process that hangs: passes may be waiting for rows that it locked. */
const lookWithinMs = 2000;

/** @param options.intervalSeconds the interval of hosts without their own @param options.graceSeconds the grace period */
export function postgresOutbox(
  database: Database,
  options: { intervalSeconds: number; graceSeconds: number },
): Outbox {
  const ask = database.query;
  return {
    look: (watchedMs, decide) =>
      database.transaction(async (db) => {
        await query(db, beginLook, [`${lookWithinMs}ms`]);
        const [lock] = await query(db, takeLock);
        if (lock === undefined) return { lastLookSeconds: await lastLook(db) };
        await query(db, noteLook);
        await lookAtHosts(db, [options.intervalSeconds, watchedMs / 1000]);
        const facts = await alertFacts(db);
        if (facts !== null) await write(db, decide(facts));
        return { lastLookSeconds: 0 };
      }),
    prune: async () => {
      await ask(repairAlerts, [options.graceSeconds]);
      await ask(deleteCleared);
      const dropped = await ask(dropOld);
      return { dropped: dropped.length };
    },
    claim: async (leaseSeconds) => (await ask<Sending>(claimNext, [leaseSeconds]))[0] ?? null,
    delivered: async (id) => void (await ask(deleteOne, [id])),
    drop: async (id) => void (await ask(deleteOne, [id])),
    postpone: async (id, seconds) =>
      void (await ask(
        `update fleet_notifications set attempts = attempts + 1,
           due_at = clock_timestamp() + make_interval(secs => $2::float8) where id = $1`,
        [id, seconds],
      )),
  };
}

const beginLook = `select set_config('lock_timeout', $1, true), set_config('statement_timeout', '10s', true),
    set_config('idle_in_transaction_session_timeout', $1, true)`;

const takeLock = `select name from fleet_locks where name = 'alarms' for update skip locked`;

/** Records the time of the check: rarely enough to be cheap, and often enough to detect a minute without a check. */
const noteLook = `update fleet_locks set used_at = clock_timestamp()
  where name = 'alarms' and used_at < clock_timestamp() - interval '10 seconds'`;

async function lastLook(db: Db): Promise<number> {
  const [row] = await query<{ seconds: number }>(
    db,
    `select extract(epoch from clock_timestamp() - used_at)::float8 as seconds
     from fleet_locks where name = 'alarms'`,
  );
  return row?.seconds ?? Infinity;
}

/** The longest time in seconds to wait for a host's first pass after all processes were down. */
const firstPassWithinSeconds = 900;

/** A host that never had a full pass, or whose Docker never answered, is still being set up: it causes no alert. */
const changedHosts = `with seen as (
    select h.host_uuid, h.last_error, a.state as before,
      ${isStale('$1::int')} and (coalesce(a.state, '') like 'stale%'
        or $2::float8 > least(${staleAfter('$1::int')}, ${firstPassWithinSeconds})) as stale,
      h.last_observed_at is not null and not ${dockerAnswered} as blind,
      ${bounded('h.last_full_pass_at')} as full_at, ${bounded('h.last_observed_at')} as observed_at
    from fleet_hosts h left join fleet_alarms a on a.host_uuid = h.host_uuid and a.name = ''
    where h.last_full_pass_at is not null),
  judged as (
    select host_uuid, before, case when blind then last_error end as reason,
      coalesce(nullif(concat_ws(' ', case when stale then 'stale' end, case when blind then 'unreachable' end), ''),
        'ok') as state,
      case when blind and not stale then observed_at else full_at end as since
    from seen),
  changed as (select * from judged where state <> coalesce(before, 'ok'))`;

/** @see changedHosts; the third parameter: these hosts alone; null: all */
const writeHosts = `${changedHosts}
  insert into fleet_alarms as a (host_uuid, name, state, told, reason, since, changed_at, recent)
  select host_uuid, '', state, 'ok', reason, since, clock_timestamp(),
    ${withChange(`'[]'::jsonb`, 'clock_timestamp()')}
  from changed where $3::text[] is null or host_uuid = any ($3::text[]) order by host_uuid
  on conflict (host_uuid, name) do update set state = excluded.state, reason = excluded.reason,
    since = excluded.since, changed_at = excluded.changed_at,
    recent = ${withChange('a.recent', 'excluded.changed_at')}`;

/** The longest wait for the row of a host: only its own worker may keep it locked. */
const lockWithinMs = 100;

/**
 * All hosts in one statement; where a row is locked each of them in a statement of its own, so that a worker which locks
 * its own, or has made it in a transaction that does not end, costs its own host's messages and no others.
 * @param values of `changedHosts`
 */
async function lookAtHosts(db: Db, values: readonly unknown[]): Promise<void> {
  await query(db, `select set_config('lock_timeout', $1, true)`, [`${lockWithinMs}ms`]);
  if (!(await unlessLocked(db, () => query(db, writeHosts, [...values, null])))) {
    const changed = await query<{ host: string }>(
      db,
      `${changedHosts} select host_uuid as host from changed order by host_uuid`,
      values,
    );
    for (const { host } of changed) await unlessLocked(db, () => query(db, writeHosts, [...values, [host]]));
  }
  await query(db, `select set_config('lock_timeout', $1, true)`, [`${lookWithinMs}ms`]);
}

/** PostgreSQL's code: a lock could not be taken in time. */
const lockNotAvailable = '55P03';

/** @returns false: something is locked, and nothing was done */
async function unlessLocked(db: Db, work: () => Promise<unknown>): Promise<boolean> {
  await query(db, 'savepoint before_lock');
  try {
    await work();
    await query(db, 'release savepoint before_lock');
    return true;
  } catch (error) {
    if (codeOf(error) !== lockNotAvailable) throw error;
    await query(db, 'rollback to savepoint before_lock');
    return false;
  }
}

/** Reads the facts for the alerts; null: there is nothing to decide. */
async function alertFacts(db: Db): Promise<AlertFacts | null> {
  const rows = await query<AlertRow>(db, selectAlerts);
  const [first] = rows;
  if (first === undefined) return null;
  const counts = await query<{ host_uuid: string; count: number }>(
    db,
    'select host_uuid, count(*)::int as count from fleet_deckies where host_uuid = any ($1::text[]) group by 1',
    [[...new Set(rows.map(({ host }) => host))]],
  );
  const limits = await query<{ host_uuid: string; sent: number; limited: boolean }>(db, selectLimits);
  return {
    now: first.now,
    alerts: rows.map(alertFromRow),
    sent: new Map(limits.map(({ host_uuid, ...sent }) => [host_uuid, sent])),
    deckies: new Map(counts.map(({ host_uuid, count }) => [host_uuid, count])),
  };
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

async function write(db: Db, { notifications, notified, limits }: Decision): Promise<void> {
  if (limits.length > 0) await query(db, updateLimits, [JSON.stringify(limits)]);
  if (notifications.length > 0) await query(db, insertNotifications, [JSON.stringify(notifications)]);
  if (notified.length > 0) await query(db, updateNotified, [JSON.stringify(notified.map(notifiedRow))]);
}

const insertNotifications = `insert into fleet_notifications (host_uuid, body, created_at, due_at)
  select body ->> 'host_uuid', body, clock_timestamp(), clock_timestamp()
  from jsonb_array_elements($1::jsonb) with ordinality as i(body, place) order by place`;

const updateNotified = `with input as materialized (
    select * from jsonb_to_recordset($1::jsonb) as i(host text, name text, notified text, "clearsChanges" boolean)),
  gone as (
    delete from fleet_alarms a using input i where a.host_uuid = i.host and a.name = i.name and i.notified is null)
  update fleet_alarms a set told = i.notified, recent = case when i."clearsChanges" then '[]' else a.recent end
  from input i where a.host_uuid = i.host and a.name = i.name and i.notified is not null`;

/**
 * Updates alerts after changes by other programs, which do not write alerts. A `running` that another program wrote counts once
 * a pass that observed Docker has written the row, or once the grace period is over and a full pass has left it unchanged: some
 * programs write `running` before any container starts.
 */
const repairAlerts = `with wrong as (
    select a.host_uuid, a.name, case when d.name is null then 'removed' else 'running' end as now_state
    from fleet_alarms a join fleet_hosts h on h.host_uuid = a.host_uuid
    left join fleet_deckies d on d.host_uuid = a.host_uuid and d.name = a.name
    where a.name <> '' and a.state <> 'removed' and (d.name is null or
      d.state = 'running' and a.state <> 'running' and (
        h.last_full_pass_at > greatest(${bounded('d.updated_at')} + make_interval(secs => $1::float8), a.changed_at) or
        d.reconciled_at = d.updated_at and d.updated_at > a.changed_at and h.last_observed_at >= d.updated_at))
    for update of a skip locked)
  update fleet_alarms a set state = w.now_state, reason = 'by another program', cause = null, since = clock_timestamp(),
    changed_at = clock_timestamp(), recent = ${withChange('a.recent', 'clock_timestamp()')}
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

// A host's messages are sent in order: a recovery never overtakes the failure before it. A message whose due time is later than
// the longest postponement was written before the clock was set back, so it is due.
const claimNext = `update fleet_notifications set due_at = clock_timestamp() + make_interval(secs => $1::float8)
  where id = (
    select id from fleet_notifications n
    where due_at not between clock_timestamp() and clock_timestamp() + interval '2 hours' and not exists (
      select 1 from fleet_notifications e where e.host_uuid = n.host_uuid and e.position < n.position)
    order by due_at, position limit 1 for update skip locked)
  returning id, attempts, body`;

const deleteOne = 'delete from fleet_notifications where id = $1';
