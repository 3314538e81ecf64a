import { type Change, contentReason } from '../../fleet/plan/change.ts';
import { codeOf } from '../../lib/errors.ts';
import { equalJson } from '../../lib/json.ts';
import { inSlices } from '../../lib/slices.ts';
import { isPause, type Steps } from '../../lib/steps.ts';
import type { CommittedTransition, TurnRequest } from '../../pass/ledger.ts';
import { type Db, query } from '../query.ts';
import type { Versions } from './recorded.ts';
import { textArrayInSteps } from './text-array.ts';

/** Up to so many rows, all inserts are one statement, all updates one, and all deletes one: it is the same for any number. */
const most = 10_000;
/** Beyond that, those of rows that bring content: some 3 MB, which the driver copies in one piece. */
const mostWithContent = 5_000;

export async function applyChanges(
  db: Db,
  request: TurnRequest,
  moment: string,
  changes: readonly Change[],
  versions: Versions,
): Promise<readonly CommittedTransition[]> {
  const committed: CommittedTransition[] = [];
  const write = async (
    run: (values: readonly unknown[]) => Promise<readonly CommittedTransition[]>,
    ...actions: readonly Change['action'][]
  ): Promise<void> => {
    const chosen = changes.filter((change) => actions.includes(change.action));
    const isLong = chosen.length > most && chosen.some(({ content }) => content !== null);
    const batch = isLong ? mostWithContent : most;
    const inputAt = (from: number): Promise<readonly Buffer[]> =>
      inSlices(inputInSteps(chosen.slice(from, from + batch), versions));
    let input = inputAt(0);
    for (let from = 0; from < chosen.length; from += batch) {
      const written = run([request.host, moment, request.job, ...(await input)]);
      // The next is made ready while PostgreSQL is at work.
      input = inputAt(from + batch);
      for (const row of await written) committed.push(row);
    }
  };
  await write((values) => insert(db, values), 'insert');
  await write((values) => query(db, updateRows, values), 'state', 'config', 'reason');
  await write((values) => query(db, deleteRows, values), 'delete');
  return committed;
}

const uniqueViolation = '23505';

/**
 * Rows that another program has written in between are left out. That is rare, and to expect it of each row takes
 * PostgreSQL a fifth longer: it is tried without first.
 */
async function insert(db: Db, values: readonly unknown[]): Promise<readonly CommittedTransition[]> {
  await query(db, 'savepoint inserts');
  try {
    return await query<CommittedTransition>(db, insertRows(''), values);
  } catch (error) {
    if (codeOf(error) !== uniqueViolation) throw error;
    await query(db, 'rollback to savepoint inserts');
    return query<CommittedTransition>(db, insertRows('on conflict do nothing'), values);
  }
}

/** What the statements take of each change, a list for each column. */
const columns: Readonly<Record<string, (change: Change, versions: Versions) => string | null>> = {
  name: ({ name }) => name,
  version: ({ name }, versions) => versions.get(name) ?? null,
  from_state: ({ from }) => from,
  to_state: ({ to }) => to,
  last_error: ({ lastError }) => lastError,
  reason: ({ reason }) => reason,
  content_reason: ({ from, changed }) =>
    from !== null && changed.length > 0 ? contentReason(changed) : null,
  // Most often the file's own list; null: it is.
  services: ({ content }) =>
    content === null || equalJson(content.services, content.config.services)
      ? null
      : JSON.stringify(content.services),
  // By far the longest, and so the last: what follows such a value lets the driver copy it once more.
  config: ({ content }) => content && JSON.stringify(content.config),
};

function* inputInSteps(changes: readonly Change[], versions: Versions): Steps<readonly Buffer[]> {
  const lists: Buffer[] = [];
  for (const read of Object.values(columns)) {
    const values: (string | null)[] = [];
    for (const [at, change] of changes.entries()) {
      if (isPause(at)) yield;
      values.push(read(change, versions));
    }
    lists.push(yield* textArrayInSteps(values));
  }
  return lists;
}

const input = `input as materialized (
    select name, version, from_state, to_state, last_error, reason, content_reason, config::jsonb as config,
      services::jsonb as services
    from unnest(${Object.keys(columns).map((_, at) => `$${at + 4}::text[]`)}) as u(${Object.keys(columns)}))`;

const asTransition = 'id::text, name, from_state as "from", to_state as "to", reason';

const insertRows = (onConflict: string): string => `with ${input}, written as (
    insert into fleet_deckies (host_uuid, name, services, decky_config, decky_ip, state, last_error,
      updated_at, reconciled_at)
    select $1, name, coalesce(services, config -> 'services'), config, config ->> 'ip', to_state, last_error,
      $2::timestamptz, $2::timestamptz from input
    ${onConflict} returning name)
  insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at, job_id)
  select $1, name, null, to_state, reason, $2::timestamptz, $3 from input join written using (name) order by name
  returning ${asTransition}`;

const updateRows = `with ${input}, written as (
    update fleet_deckies d set state = i.to_state, last_error = i.last_error,
      services = coalesce(i.services, i.config -> 'services', d.services),
      decky_config = coalesce(i.config, d.decky_config), decky_ip = coalesce(i.config ->> 'ip', d.decky_ip),
      updated_at = $2::timestamptz, reconciled_at = $2::timestamptz
    from input i where d.host_uuid = $1 and d.name = i.name and d.xmin::text = i.version
    returning d.name)
  insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at, job_id)
  select $1, name, m.from_state, m.to_state, m.reason, $2::timestamptz, $3
  from input i join written using (name) cross join lateral (
    select 1 as step, i.from_state, i.from_state as to_state, i.content_reason as reason
      where i.content_reason is not null
    union all select 2, i.from_state, i.to_state, i.reason where i.from_state <> i.to_state) m
  order by name, m.step
  returning ${asTransition}`;

const deleteRows = `with ${input}, written as (
    select fleet_delete_deckies($1, array_agg(name), array_agg(version)) as name from input)
  insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at, job_id)
  select $1, name, from_state, null, reason, $2::timestamptz, $3 from input join written using (name) order by name
  returning ${asTransition}`;
