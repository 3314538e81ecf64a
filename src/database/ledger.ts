import { contestedWindow, type Move } from '../fleet/contested.ts';
import type { Decky } from '../fleet/decky.ts';
import { figuresFromJson, figuresToJson } from '../fleet/figures.ts';
import { equalJson, type Json, type JsonObject } from '../fleet/json.ts';
import type { Row } from '../fleet/plan.ts';
import { type FleetState, isFleetState } from '../fleet/state.ts';
import { isPause, type Steps } from '../fleet/steps.ts';
import type { HostRecord, Ledger, Turn, TurnRequest } from '../pass/ledger.ts';
import { inSlices } from '../pass/slices.ts';
import { raiseAlarms } from './alarms.ts';
import { applyChanges } from './apply.ts';
import { notesFromJson, notesToJson } from './notes.ts';
import type { Database } from './orm.ts';
import { type Db, query } from './query.ts';

/** Seconds that a turn waits for another one, and after which the server ends one whose process hangs. */
const waitForTurn = 20;
const endIdleTurn = 30;
/** What the changes of a large host are put in order in; PostgreSQL's usual 4 MB would send them through a file. */
const workMemory = '32MB';

/** Rows that are read at once: some 15 MB. */
const rowsAtOnce = 12_000;

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
              `select set_config('lock_timeout', $1, true),
                set_config('idle_in_transaction_session_timeout', $2, true), set_config('work_mem', $3, true)`,
              [`${waitForTurn}s`, `${endIdleTurn}s`, workMemory],
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

    forget: (host) =>
      database.run((orm) =>
        orm.em.fork().transactional(async (em) => {
          const db = em.getKysely() as unknown as Db;
          for (const table of tablesOfHost) {
            await query(db, `delete from ${table} where host_uuid = $1`, [host]);
          }
        }),
      ),

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

const tablesOfHost = [
  'fleet_deckies',
  'fleet_transitions',
  'fleet_gaps',
  'fleet_alarms',
  'fleet_notifications',
  'fleet_hosts',
];

interface HostRow {
  readonly identity: string | null;
  readonly turn: string;
  readonly interval_s: number | null;
  readonly containers: number | null;
  readonly notes: Json;
  readonly figures: Json;
}

const selectHost = `select identity, turn::text, interval_s, (counts ->> 'containers')::int as containers, notes,
    figures
  from fleet_hosts`;

const hostRecord = (host: string, row: HostRow): HostRecord => ({
  host,
  identity: row.identity,
  turn: row.turn,
  containers: row.containers ?? 0,
  notes: notesFromJson(row.notes),
  figures: figuresFromJson(row.figures),
});

const unknownHost = (host: string): HostRecord => ({
  host,
  identity: null,
  turn: '0',
  containers: 0,
  notes: notesFromJson(null),
  figures: figuresFromJson(null),
});

function openTurn(
  db: Db,
  request: TurnRequest,
  host: HostRecord,
  moment: string,
  options: { version: string; historyDays: number },
): Turn {
  const versions = new Map<string, string>();
  const only = request.only && [...request.only];
  return {
    now: Date.parse(moment),
    host,
    recorded: async (desired) => {
      const recorded: Row[] = [];
      for (let after = '', isLast = false; !isLast; ) {
        const rows = await query<DeckyRow>(db, selectRows, [request.host, only, after, rowsAtOnce]);
        await inSlices(addRows(recorded, rows, versions, desired));
        isLast = rows.length < rowsAtOnce;
        after = rows.at(-1)?.name ?? '';
      }
      return recorded;
    },
    moves: async () => {
      const window = contestedWindow / 1000;
      const rows = await query<MoveRow>(db, selectMoves, [request.host, moment, window, only]);
      return rows.map(
        (row): Move => ({ name: row.name, from: row.from_state, to: row.to_state, at: row.at }),
      );
    },
    apply: (changes) => applyChanges(db, request, moment, changes, versions),
    alarm: (moves) => raiseAlarms(db, request.host, moment, moves),
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
        JSON.stringify(figuresToJson(pass.figures)),
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
  from fleet_deckies where host_uuid = $1 and ($2::text[] is null or name = any ($2::text[])) and name > $3
  order by name limit $4`;

/**
 * Rows as they were read. Content that is what the file says is the file's own: a large host is not in memory twice.
 * @param versions takes those of the rows
 */
function* addRows(
  recorded: Row[],
  rows: readonly DeckyRow[],
  versions: Map<string, string>,
  desired: ReadonlyMap<string, Decky>,
): Steps<void> {
  for (const [at, row] of rows.entries()) {
    if (isPause(at)) yield;
    versions.set(row.name, row.version);
    const decky = desired.get(row.name);
    const isSame = decky !== undefined && equalJson(row.decky_config, decky.config);
    recorded.push({
      name: row.name,
      services: Array.isArray(row.services) ? row.services : [],
      config: isSame ? decky.config : (row.decky_config as JsonObject | null),
      ip: row.decky_ip,
      state: isFleetState(row.state) ? row.state : 'pending',
      lastError: row.last_error,
      ours: row.ours,
      writtenAt: row.written_at,
    });
  }
}

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
      and ($4::text[] is null or name = any ($4::text[])) and from_state is distinct from to_state
    group by name having count(*) >= 2)
  select m.name, m.from_state, m.to_state, (extract(epoch from m.at) * 1000)::float8 as at
  from lively cross join lateral (
    select id, name, from_state, to_state, at from fleet_transitions t
    where t.host_uuid = $1 and t.name = lively.name and t.from_state is distinct from t.to_state
    order by id desc limit 20) m
  order by m.id`;

const updateHost = `update fleet_hosts set turn = turn + 1, identity = coalesce(identity, $3),
    last_pass_at = $2::timestamptz,
    last_full_pass_at = case when $4 then $2::timestamptz else last_full_pass_at end,
    last_observed_at = case when $5 then $2::timestamptz else last_observed_at end,
    last_error = $6, version = $7, counts = case when $4 then $8::jsonb else counts end, notes = $9::jsonb,
    figures = $10::jsonb
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
