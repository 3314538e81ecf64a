import { type AlertUpdate, pending } from '../../fleet/alerts/alert.ts';
import { settleAfterMs } from '../../fleet/alerts/settle.ts';
import { causeToJson } from '../cause.ts';
import { type Db, query } from '../query.ts';

/** How many notified changes an alert remembers: enough to be flapping. @see flappingAfter */
const remembered = 4;

const epoch = (time: string): string => `to_jsonb(extract(epoch from ${time})::float8)`;

/** Appends a change to the list and drops the oldest. A granted worker may have written any JSON into the list. */
export const withChange = (recent: string, time: string): string =>
  `(case when jsonb_typeof(${recent}) <> 'array' then '[]'::jsonb
    when jsonb_array_length(${recent}) >= ${remembered} then ${recent} - 0 else ${recent} end) || ${epoch(time)}`;

/** The newest changes of the list, at most `remembered`. A granted worker may have written more. */
export const newestChanges = (recent: string): string =>
  `jsonb_path_query_array(${recent}, '$[last - ${remembered - 1} to last]')`;

/**
 * Since when an alert that changes now is unsettled. A quiet period in the notified state, or a deployment, ends what was before;
 * so does a notification, which empties the column.
 * @param alert the alias of the row before the change
 */
export const unsettledSince = (alert: string, time: string): string =>
  `(case when ${alert}.unsettled_at is null or ${alert}.state in (${alert}.told, '${pending}')
      and ${time} - ${alert}.changed_at >= interval '${settleAfterMs} milliseconds'
    then ${time} else ${alert}.unsettled_at end)`;

/** Writes the alert updates of a host transaction: those that create an alert, and those of deckies that have one. */
export async function raiseAlerts(
  db: Db,
  host: string,
  moment: string,
  updates: readonly AlertUpdate[],
): Promise<void> {
  if (updates.length === 0) return;
  const alerts = await query<{ name: string }>(db, 'select name from fleet_alarms where host_uuid = $1', [
    host,
  ]);
  const known = new Set(alerts.map(({ name }) => name));
  // Looking up the names of a large host's first pass would take longer than the rest.
  const relevant = updates.filter(
    ({ name, makes }) => makes !== 'none' || (known.size > 0 && known.has(name)),
  );
  if (relevant.length > 0)
    await query(db, upsertAlerts, [host, JSON.stringify(relevant.map(withCause)), moment]);
}

const withCause = (update: AlertUpdate): object => ({ ...update, cause: causeToJson(update.cause) });

const upsertAlerts = `with input as materialized (
    select * from jsonb_to_recordset($2::jsonb) as i(kind text, name text, state text, reason text, cause jsonb, makes text)),
  changed as (
    update fleet_alarms a set state = i.state, reason = i.reason, cause = i.cause, last_lines = null, since = $3::timestamptz,
      changed_at = $3::timestamptz, unsettled_at = ${unsettledSince('a', '$3::timestamptz')}
    from input i where a.host_uuid = $1 and a.name = i.name and a.state <> i.state and i.kind = 'state'),
  explained as (
    update fleet_alarms a set reason = i.reason, cause = i.cause
    from input i where a.host_uuid = $1 and a.name = i.name and a.state = i.state
      and (a.reason is distinct from i.reason or i.cause is not null and a.cause is distinct from i.cause)),
  made as (
    select i.*, makes = 'alert' or exists (
      select 1 from fleet_transitions t
      where t.host_uuid = $1 and t.name = i.name and t.to_state = 'running'
        and t.from_state is distinct from t.to_state and t.id >= coalesce((
          select max(n.id) from fleet_transitions n
          where n.host_uuid = $1 and n.name = i.name and n.from_state is null), 0)) as ran
    from input i where makes <> 'none')
  insert into fleet_alarms (host_uuid, name, state, told, reason, cause, since, changed_at, unsettled_at)
  select $1, name, state, case when ran then 'running' else '${pending}' end, reason, cause, $3::timestamptz,
    $3::timestamptz, $3::timestamptz
  from made where ran or makes = 'always'
  on conflict do nothing`;
