import { type Change, contentReason } from '../fleet/change.ts';
import type { MovedRow, TurnRequest } from '../pass/ledger.ts';
import { type Db, query } from './query.ts';

/** One statement for all inserts, one for all updates, one for all deletes: the same at ten rows and ten thousand. */
export async function applyChanges(
  db: Db,
  request: TurnRequest,
  moment: string,
  changes: readonly Change[],
  versions: ReadonlyMap<string, string>,
): Promise<readonly MovedRow[]> {
  const write = async (statement: string, chosen: readonly Change[]): Promise<readonly MovedRow[]> => {
    if (chosen.length === 0) return [];
    const input = chosen.map((change) => ({
      name: change.name,
      version: versions.get(change.name) ?? null,
      from_state: change.from,
      to_state: change.to,
      last_error: change.lastError,
      reason: change.reason,
      content_reason:
        change.from !== null && change.changed.length > 0 ? contentReason(change.changed) : null,
      ip: change.content?.ip ?? null,
      services: change.content?.services ?? null,
      config: change.content?.config ?? null,
    }));
    return query<MovedRow>(db, statement, [request.host, JSON.stringify(input), moment, request.job]);
  };
  const by = (...actions: readonly Change['action'][]): readonly Change[] =>
    changes.filter((change) => actions.includes(change.action));
  return [
    ...(await write(insertRows, by('insert'))),
    ...(await write(updateRows, by('state', 'config', 'reason'))),
    ...(await write(deleteRows, by('delete'))),
  ];
}

const input = `input as materialized (
    select * from jsonb_to_recordset($2::jsonb) as i(name text, version text, from_state text, to_state text,
      last_error text, reason text, content_reason text, ip text, services jsonb, config jsonb))`;

const moved = 'id::text, name, from_state as "from", to_state as "to", reason';

const insertRows = `with ${input}, written as (
    insert into fleet_deckies (host_uuid, name, services, decky_config, decky_ip, state, last_error,
      updated_at, reconciled_at)
    select $1, name, services, config, ip, to_state, last_error, $3::timestamptz, $3::timestamptz from input
    on conflict do nothing returning name)
  insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at, job_id)
  select $1, name, null, to_state, reason, $3::timestamptz, $4 from input join written using (name) order by name
  returning ${moved}`;

const updateRows = `with ${input}, written as (
    update fleet_deckies d set state = i.to_state, last_error = i.last_error,
      services = coalesce(i.services, d.services), decky_config = coalesce(i.config, d.decky_config),
      decky_ip = coalesce(i.ip, d.decky_ip), updated_at = $3::timestamptz, reconciled_at = $3::timestamptz
    from input i where d.host_uuid = $1 and d.name = i.name and d.xmin::text = i.version
    returning d.name)
  insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at, job_id)
  select $1, name, m.from_state, m.to_state, m.reason, $3::timestamptz, $4
  from input i join written using (name) cross join lateral (
    select 1 as step, i.from_state, i.from_state as to_state, i.content_reason as reason
      where i.content_reason is not null
    union all select 2, i.from_state, i.to_state, i.reason where i.from_state <> i.to_state) m
  order by name, m.step
  returning ${moved}`;

const deleteRows = `with ${input}, written as (
    delete from fleet_deckies d using input i
    where d.host_uuid = $1 and d.name = i.name and d.xmin::text = i.version returning d.name)
  insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at, job_id)
  select $1, name, from_state, null, reason, $3::timestamptz, $4 from input join written using (name) order by name
  returning ${moved}`;
