import { type Change, contentReason } from '../fleet/change.ts';
import type { MovedRow, TurnRequest } from '../pass/ledger.ts';
import { type Db, query } from './query.ts';

/** Rows that one statement takes: some 25 milliseconds of work here in one piece, and some 10 MB. */
const batch = 10_000;

/** One statement for all inserts, one for all updates, one for all deletes: the same at ten rows and ten thousand. */
export async function applyChanges(
  db: Db,
  request: TurnRequest,
  moment: string,
  changes: readonly Change[],
  versions: ReadonlyMap<string, string>,
): Promise<readonly MovedRow[]> {
  const moved: MovedRow[] = [];
  const write = async (statement: string, ...actions: readonly Change['action'][]): Promise<void> => {
    const chosen = changes.filter((change) => actions.includes(change.action));
    const inputAt = (from: number): string =>
      JSON.stringify(chosen.slice(from, from + batch).map((change) => inputOf(change, versions)));
    let input = inputAt(0);
    for (let from = 0; from < chosen.length; from += batch) {
      const written = query<MovedRow>(db, statement, [request.host, input, moment, request.job]);
      // The next is made ready while PostgreSQL is at work.
      input = inputAt(from + batch);
      for (const row of await written) moved.push(row);
    }
  };
  await write(insertRows, 'insert');
  await write(updateRows, 'state', 'config', 'reason');
  await write(deleteRows, 'delete');
  return moved;
}

/** By position: PostgreSQL reads that faster than names. @see input */
const inputOf = (change: Change, versions: ReadonlyMap<string, string>): readonly unknown[] => [
  change.name,
  versions.get(change.name),
  change.from,
  change.to,
  change.lastError,
  change.reason,
  change.from !== null && change.changed.length > 0 ? contentReason(change.changed) : null,
  change.content?.services,
  change.content?.config,
];

const input = `input as materialized (
    select i ->> 0 as name, i ->> 1 as version, i ->> 2 as from_state, i ->> 3 as to_state, i ->> 4 as last_error,
      i ->> 5 as reason, i ->> 6 as content_reason, nullif(i -> 7, 'null') as services,
      nullif(i -> 8, 'null') as config, i -> 8 ->> 'ip' as ip
    from jsonb_array_elements($2::jsonb) as i)`;

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
