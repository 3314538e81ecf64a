import { CompiledQuery, type Kysely } from 'kysely';
import { type Change, contentReason } from '../fleet/change.ts';
import { contestedWindow, type Move } from '../fleet/contested.ts';
import type { Json, JsonObject } from '../fleet/json.ts';
import type { Row } from '../fleet/plan.ts';
import { type FleetState, isFleetState } from '../fleet/state.ts';
import type { HostRecord, Ledger, MovedRow, Turn, TurnRequest } from '../pass/ledger.ts';
import { notesFromJson, notesToJson } from './notes.ts';
import type { Database } from './orm.ts';

type Db = Kysely<unknown>;

/** Seconds that a turn waits for another one, and after which the server ends one whose process hangs. */
const waitForTurn = 20;
const endIdleTurn = 30;

/** A host's turns on PostgreSQL: each is one transaction under the lock of its row of `fleet_hosts`. */
export function postgresLedger(
  database: Database,
  options: { version: string; historyDays: number },
): Ledger {
  return {
    host: (host, { create }) =>
      database.run(async (orm) => {
        const db = orm.em.fork().getKysely() as unknown as Db;
        if (create) {
          await query(db, 'insert into fleet_hosts (host_uuid) values ($1) on conflict do nothing', [host]);
        }
        const [row] = await query<HostRow>(db, `${selectHost} where host_uuid = $1`, [host]);
        return row === undefined ? unknownHost(host) : hostRecord(host, row);
      }),

    takeTurn: (request, seenTurn, work) =>
      database.run((orm) =>
        orm.em.fork().transactional(
          async (em) => {
            const db = em.getKysely() as unknown as Db;
            await query(
              db,
              `select set_config('lock_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $2, true)`,
              [`${waitForTurn}s`, `${endIdleTurn}s`],
            );
            const lock = request.dryRun ? '' : 'for update';
            const [row] = await query<HostRow>(db, `${selectHost} where host_uuid = $1 ${lock}`, [
              request.host,
            ]);
            const host = row === undefined ? unknownHost(request.host) : hostRecord(request.host, row);
            if (host.turn !== seenTurn) return { kind: 'overtaken' as const };
            // Asked for under the lock: what another turn wrote before it is not from the future.
            const [clock] = await query<{ moment: string }>(
              db,
              `select to_json(clock_timestamp()) #>> '{}' as moment`,
              [],
            );
            const moment = clock?.moment ?? '';
            const turn = openTurn(db, request, host, moment, options);
            return { kind: 'taken' as const, outcome: await work(turn) };
          },
          { readOnly: request.dryRun },
        ),
      ),

    register: (host, intervalS) =>
      database.run(async (orm) => {
        await query(
          orm.em.fork().getKysely() as unknown as Db,
          `insert into fleet_hosts (host_uuid, interval_s) values ($1, $2)
           on conflict (host_uuid) do update set interval_s = excluded.interval_s
           where fleet_hosts.interval_s is distinct from excluded.interval_s`,
          [host, intervalS],
        );
      }),

    takeOver: (host, identity) =>
      database.run(async (orm) => {
        await query(
          orm.em.fork().getKysely() as unknown as Db,
          `insert into fleet_hosts (host_uuid, identity) values ($1, $2)
           on conflict (host_uuid) do update set identity = excluded.identity, turn = fleet_hosts.turn + 1`,
          [host, identity],
        );
      }),
  };
}

interface HostRow {
  readonly identity: string | null;
  readonly turn: string;
  readonly interval_s: number | null;
  readonly containers: number | null;
  readonly notes: Json;
}

const selectHost = `select identity, turn::text, interval_s, (counts ->> 'containers')::int as containers, notes
  from fleet_hosts`;

const hostRecord = (host: string, row: HostRow): HostRecord => ({
  host,
  identity: row.identity,
  turn: row.turn,
  containers: row.containers ?? 0,
  notes: notesFromJson(row.notes),
});

const unknownHost = (host: string): HostRecord => ({
  host,
  identity: null,
  turn: '0',
  containers: 0,
  notes: notesFromJson(null),
});

function openTurn(
  db: Db,
  request: TurnRequest,
  host: HostRecord,
  moment: string,
  options: { version: string; historyDays: number },
): Turn {
  const versions = new Map<string, string>();
  return {
    now: Date.parse(moment),
    host,
    recorded: async () => {
      const rows = await query<DeckyRow>(db, selectRows, [request.host, request.only && [...request.only]]);
      for (const row of rows) versions.set(row.name, row.version);
      return rows.map(recordedRow);
    },
    moves: async () => {
      const rows = await query<MoveRow>(db, selectMoves, [request.host, moment, contestedWindow / 1000]);
      return rows.map(
        (row): Move => ({ name: row.name, from: row.from_state, to: row.to_state, at: row.at }),
      );
    },
    apply: (changes) => apply(db, request, moment, changes, versions),
    record: async (pass) => {
      const isFull = request.only === null;
      if (isFull) {
        await query(db, insertGap, [request.host, moment]);
        await query(db, deleteOldTransitions, [request.host, moment, options.historyDays]);
      }
      await query(db, updateHost, [
        request.host,
        moment,
        pass.identity,
        isFull,
        pass.observed,
        pass.error,
        options.version,
        JSON.stringify(pass.counts),
        JSON.stringify(notesToJson(pass.notes)),
      ]);
    },
  };
}

interface DeckyRow {
  readonly name: string;
  readonly services: Json;
  readonly decky_config: Json;
  readonly decky_ip: string | null;
  readonly state: string;
  readonly last_error: string | null;
  readonly ours: boolean;
  readonly written_at: number;
  readonly version: string;
}

// xmin is the version of a row: a write of another program in between makes ours miss it.
const selectRows = `select name, services, decky_config, decky_ip, state, last_error,
    (reconciled_at = updated_at) is true as ours,
    floor(extract(epoch from updated_at) * 1000)::float8 as written_at, xmin::text as version
  from fleet_deckies where host_uuid = $1 and ($2::text[] is null or name = any ($2::text[]))`;

const recordedRow = (row: DeckyRow): Row => ({
  name: row.name,
  services: Array.isArray(row.services) ? row.services : [],
  config: row.decky_config as JsonObject | null,
  ip: row.decky_ip,
  state: isFleetState(row.state) ? row.state : 'pending',
  lastError: row.last_error,
  ours: row.ours,
  writtenAt: row.written_at,
});

interface MoveRow {
  readonly name: string;
  readonly from_state: FleetState | null;
  readonly to_state: FleetState | null;
  readonly at: number;
}

// Of rows that moved twice or more in the window, the last moves: enough to tell whether they are contested.
const selectMoves = `with lively as (
    select name from fleet_transitions
    where host_uuid = $1 and at > $2::timestamptz - make_interval(secs => $3)
      and from_state is distinct from to_state
    group by name having count(*) >= 2)
  select m.name, m.from_state, m.to_state, (extract(epoch from m.at) * 1000)::float8 as at
  from lively cross join lateral (
    select id, name, from_state, to_state, at from fleet_transitions t
    where t.host_uuid = $1 and t.name = lively.name and t.from_state is distinct from t.to_state
    order by id desc limit 20) m
  order by m.id`;

/** One statement for all inserts, one for all updates, one for all deletes: the same at ten rows and ten thousand. */
async function apply(
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

const updateHost = `update fleet_hosts set turn = turn + 1, identity = coalesce(identity, $3),
    last_pass_at = $2::timestamptz,
    last_full_pass_at = case when $4 then $2::timestamptz else last_full_pass_at end,
    last_observed_at = case when $5 then $2::timestamptz else last_observed_at end,
    last_error = $6, version = $7, counts = case when $4 then $8::jsonb else counts end, notes = $9::jsonb
  where host_uuid = $1`;

/** Written by the pass that ends it: more than three intervals without a full pass. */
const insertGap = `insert into fleet_gaps (host_uuid, from_at, to_at)
  select host_uuid, last_full_pass_at, $2::timestamptz from fleet_hosts
  where host_uuid = $1
    and $2::timestamptz - last_full_pass_at > make_interval(secs => 3 * coalesce(interval_s, 30))
  on conflict do nothing`;

/** The newest of each decky stays for ever. */
const deleteOldTransitions = `delete from fleet_transitions t
  where host_uuid = $1 and at < $2::timestamptz - make_interval(days => $3)
    and exists (select 1 from fleet_transitions n where n.host_uuid = $1 and n.name = t.name and n.id > t.id)`;

async function query<R>(db: Db, statement: string, values: readonly unknown[]): Promise<readonly R[]> {
  return (await db.executeQuery<R>(CompiledQuery.raw(statement, [...values]))).rows;
}
