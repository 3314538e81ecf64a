import type { Decky } from '../../fleet/decky.ts';
import type { Change } from '../../fleet/plan/change.ts';
import { codeOf } from '../../lib/errors.ts';
import { equalJson } from '../../lib/json.ts';
import { forEachInSlices } from '../../lib/slices.ts';
import type { CommittedTransition, TransactionRequest } from '../../pass/ledger.ts';
import { causeFromJson, causeToJson } from '../cause.ts';
import { type Db, query } from '../query.ts';
import type { Versions } from './recorded.ts';

/** Rows per statement. With their content they are about 6 MB. */
const rowsPerStatement = 10_000;

export async function applyChanges(
  db: Db,
  request: TransactionRequest,
  moment: string,
  changes: readonly Change[],
  versions: Versions,
): Promise<readonly CommittedTransition[]> {
  const committed: CommittedTransition[] = [];
  const write = async (
    run: (values: readonly unknown[]) => Promise<readonly TransitionRow[]>,
    ...actions: readonly Change['action'][]
  ): Promise<void> => {
    const chosen = changes.filter((change) => actions.includes(change.action));
    for (let from = 0; from < chosen.length; from += rowsPerStatement) {
      const some = chosen.slice(from, from + rowsPerStatement);
      const [rows, configs] = await inputOf(some, versions);
      const written = await run([request.host, moment, request.job, rows, configs, some.length]);
      for (const row of written) committed.push({ ...row, cause: causeFromJson(row.cause) });
    }
  };
  await write((values) => insert(db, values), 'insert');
  await write((values) => query(db, updateRows, values), 'state', 'config', 'reason');
  await write((values) => query(db, deleteRows, values), 'delete');
  return committed;
}

/** A written transition as the statements return it. */
interface TransitionRow extends Omit<CommittedTransition, 'cause'> {
  readonly cause: unknown;
}

const uniqueViolation = '23505';

/**
 * Inserts rows, and skips those that another program has inserted since they were planned. Such conflicts are rare, and
 * `on conflict` takes PostgreSQL a fifth longer, so the first attempt is made without it.
 */
async function insert(db: Db, values: readonly unknown[]): Promise<readonly TransitionRow[]> {
  await query(db, 'savepoint inserts');
  try {
    return await query<TransitionRow>(db, insertRows(''), values);
  } catch (error) {
    if (codeOf(error) !== uniqueViolation) throw error;
    await query(db, 'rollback to savepoint inserts');
    return query<TransitionRow>(db, insertRows('on conflict do nothing'), values);
  }
}

/**
 * The input of a statement: the rows as a JSON array, and the configs as JSON, one in a line; empty: no new content. The
 * configs are most of it: as a part of the rows PostgreSQL would parse them twice.
 */
async function inputOf(
  changes: readonly Change[],
  versions: Versions,
): Promise<readonly [rows: string, configs: string]> {
  const [rows, configs] = [[] as string[], [] as string[]];
  await forEachInSlices(changes, (change) => {
    rows.push(JSON.stringify(inputRow(change, versions)));
    configs.push(change.content === null ? '' : JSON.stringify(change.content.config));
  });
  return [`[${rows.join(',')}]`, configs.join('\n')];
}

/** The values of a change that the statements use, by column. A missing value is null, and is read faster than a written one. */
const inputRow = (change: Change, versions: Versions): Record<string, unknown> => ({
  name: change.name,
  version: versions.get(change.name),
  from_state: change.from ?? undefined,
  to_state: change.to ?? undefined,
  last_error: change.lastError ?? undefined,
  observed: change.observed,
  reason: change.reason,
  ...(change.cause === null ? {} : { cause: causeToJson(change.cause) }),
  ...(change.contentReason === null ? {} : { content_reason: change.contentReason }),
  ...(change.content === null ? {} : servicesInput(change.content)),
});

/** Usually they equal the list in the config, which the statement then uses. */
const servicesInput = ({ services, config }: Decky): Record<string, unknown> =>
  equalJson(services, config.services) ? {} : { services };

/** Of an input row, with their types in PostgreSQL. */
const rowColumns = {
  name: 'text',
  version: 'text',
  from_state: 'text',
  to_state: 'text',
  last_error: 'text',
  observed: 'boolean',
  reason: 'text',
  cause: 'jsonb',
  content_reason: 'text',
  services: 'jsonb',
};
const columns = Object.keys(rowColumns).join(', ');
const typedColumns = Object.entries(rowColumns)
  .map((column) => column.join(' '))
  .join(', ');
// The limit is their number. Without it PostgreSQL expects 1,000 rows, and reads the whole table to update one.
const input = `input as materialized (
    select ${columns}, config::jsonb from rows from (
      json_to_recordset($4::json) as (${typedColumns}),
      string_to_table($5, E'\\n', '')) as i(${columns}, config) limit $6)`;

const asTransition = 'id::text, name, from_state as "from", to_state as "to", reason, cause';

const insertRows = (onConflict: string): string => `with ${input}, written as (
    insert into fleet_deckies (host_uuid, name, services, decky_config, decky_ip, state, last_error,
      last_seen, updated_at, reconciled_at)
    select $1, name, coalesce(services, config -> 'services'), config, config ->> 'ip', to_state, last_error,
      case when observed then $2::timestamptz end, $2::timestamptz, $2::timestamptz from input
    ${onConflict} returning name)
  insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at, job_id, cause)
  select $1, name, null, to_state, reason, $2::timestamptz, $3, cause from input join written using (name) order by name
  returning ${asTransition}`;

const updateRows = `with ${input}, written as (
    update fleet_deckies d set state = i.to_state, last_error = i.last_error,
      services = coalesce(i.services, i.config -> 'services', d.services),
      decky_config = coalesce(i.config, d.decky_config), decky_ip = coalesce(i.config ->> 'ip', d.decky_ip),
      last_seen = case when i.from_state <> i.to_state and i.observed then $2::timestamptz else d.last_seen end,
      updated_at = $2::timestamptz, reconciled_at = $2::timestamptz
    from input i where d.host_uuid = $1 and d.name = i.name and d.xmin::text = i.version
    returning d.name)
  insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at, job_id, cause)
  select $1, name, m.from_state, m.to_state, m.reason, $2::timestamptz, $3, m.cause
  from input i join written using (name) cross join lateral (
    select 1 as step, i.from_state, i.from_state as to_state, i.content_reason as reason, null::jsonb as cause
      where i.content_reason is not null
    union all select 2, i.from_state, i.to_state, i.reason, i.cause where i.from_state <> i.to_state) m
  order by name, m.step
  returning ${asTransition}`;

const deleteRows = `with ${input}, written as (
    select fleet_delete_deckies($1, array_agg(name), array_agg(version)) as name from input)
  insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at, job_id, cause)
  select $1, name, from_state, null, reason, $2::timestamptz, $3, cause from input join written using (name) order by name
  returning ${asTransition}`;
