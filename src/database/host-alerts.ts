import { codeOf } from '../lib/errors.ts';
import { unsettledSince } from './ledger/alerts.ts';
import { type Db, query } from './query.ts';
import { bounded, dockerAnswered, isExcused, isStale, staleAfter } from './sql.ts';

/** The longest time in seconds to wait for a host's first pass after all processes were down. */
const firstPassWithinSeconds = 900;

/**
 * A host that never had a full pass, or whose Docker never answered, is still being set up: it causes no alert. A one-shot
 * pass does not end the alert of a host whose worker is stopped: nothing monitors it. A host that is paused on purpose is not
 * stale by that.
 */
const changedHosts = `with seen as (
    select h.host_uuid, h.last_error, a.state as before,
      not ${isExcused} and (${isStale('$1::int')} or h.stopped_at is not null and coalesce(a.state, '') like 'stale%')
        and (coalesce(a.state, '') like 'stale%'
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

/** @see changedHosts; the third parameter: only these hosts; null: all */
const writeHosts = `${changedHosts}
  insert into fleet_alarms as a (host_uuid, name, state, told, reason, since, changed_at, unsettled_at)
  select host_uuid, '', state, 'ok', reason, since, clock_timestamp(), clock_timestamp()
  from changed where $3::text[] is null or host_uuid = any ($3::text[]) order by host_uuid
  on conflict (host_uuid, name) do update set state = excluded.state, reason = excluded.reason,
    since = excluded.since, changed_at = excluded.changed_at,
    unsettled_at = ${unsettledSince('a', 'excluded.changed_at')}`;

/** The longest wait for the row of a host: only its own worker may keep it locked. */
const lockWithinMs = 100;

/**
 * All hosts in one statement; where a row is locked each of them in a statement of its own, so that a worker which locks
 * its own, or has made it in a transaction that does not end, costs its own host's messages and no others.
 * @param values of `changedHosts` @param lockTimeoutMs the lock timeout afterwards
 */
export async function checkHosts(db: Db, values: readonly unknown[], lockTimeoutMs: number): Promise<void> {
  await query(db, `select set_config('lock_timeout', $1, true)`, [`${lockWithinMs}ms`]);
  if (!(await unlessLocked(db, () => query(db, writeHosts, [...values, null])))) {
    const changed = await query<{ host: string }>(
      db,
      `${changedHosts} select host_uuid as host from changed order by host_uuid`,
      values,
    );
    for (const { host } of changed) await unlessLocked(db, () => query(db, writeHosts, [...values, [host]]));
  }
  await query(db, `select set_config('lock_timeout', $1, true)`, [`${lockTimeoutMs}ms`]);
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
