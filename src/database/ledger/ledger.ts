import { exactTime } from '../../fleet/decnet-table/times.ts';
import { figuresFromJson, figuresToJson } from '../../fleet/figures.ts';
import type { TimedTransition } from '../../fleet/plan/change.ts';
import { contestedWindowMs } from '../../fleet/plan/contested.ts';
import type { FleetState } from '../../fleet/state.ts';
import type { Json } from '../../lib/json.ts';
import type { HostRecord, HostTransaction, Ledger, TransactionRequest } from '../../pass/ledger.ts';
import type { Database } from '../database.ts';
import { noteLastLines } from '../last-lines.ts';
import { decnetToJson, memoryFromJson, memoryToJson } from '../memory.ts';
import { type Db, query } from '../query.ts';
import { isStale } from '../sql.ts';
import { raiseAlerts } from './alerts.ts';
import { applyChanges } from './apply.ts';
import { configsOf, type ReadRows, rowReader, type Versions } from './recorded.ts';

/** How long a host transaction waits for the lock of another. */
const lockTimeoutSeconds = 20;
/** How long a host transaction may be idle, if its process hangs, before the server ends it. */
const idleTimeoutSeconds = 30;
/** Memory to sort the changes of a large host; with PostgreSQL's default of 4 MB it would sort them on disk. */
const workMemory = '32MB';

export interface LedgerOptions {
  readonly version: string;
  readonly historyDays: number;
  /** The interval in seconds for hosts that never had a worker. */
  readonly intervalSeconds: number;
}

/** The ledger on PostgreSQL. A host transaction locks the host's row in `fleet_hosts`. */
export function postgresLedger(database: Database, options: LedgerOptions): Ledger {
  const readRows = rowReader();
  return {
    host: async (host, { create }) => {
      if (create) {
        await database.query('insert into fleet_hosts (host_uuid) values ($1) on conflict do nothing', [
          host,
        ]);
      }
      const [row] = await database.query<HostRow>(`${selectHost} where host_uuid = $1`, [host]);
      return row === undefined ? unknownHost(host) : hostRecord(host, row);
    },

    inTransaction: (request, generation, work) =>
      database.transaction(
        async (db) => {
          await query(
            db,
            `select set_config('lock_timeout', $1, true),
              set_config('idle_in_transaction_session_timeout', $2, true), set_config('work_mem', $3, true)`,
            [`${lockTimeoutSeconds}s`, `${idleTimeoutSeconds}s`, workMemory],
          );
          const lock = request.dryRun ? '' : 'for update';
          const [row] = await query<HostRow>(db, `${selectHost} where host_uuid = $1 ${lock}`, [
            request.host,
          ]);
          const host = row === undefined ? unknownHost(request.host) : hostRecord(request.host, row);
          if (host.generation !== generation) return { kind: 'overtaken' as const };
          // Read under the lock, so that the times which an earlier transaction wrote are not in the future.
          const [clock] = await query<{ moment: string }>(
            db,
            `select to_json(clock_timestamp()) #>> '{}' as moment`,
          );
          const moment = clock?.moment ?? '';
          const transaction = openTransaction(db, request, host, moment, readRows, options);
          return { kind: 'committed' as const, outcome: await work(transaction) };
        },
        { readOnly: request.dryRun },
      ),

    register: async (host, intervalS) =>
      void (await database.query(
        `insert into fleet_hosts (host_uuid, interval_s) values ($1, $2)
         on conflict (host_uuid) do update set interval_s = excluded.interval_s, stopped_at = null, stopped_by = null
         where fleet_hosts.interval_s is distinct from excluded.interval_s or fleet_hosts.stopped_at is not null`,
        [host, intervalS],
      )),

    stop: async (host, by) =>
      void (await database.query(
        'update fleet_hosts set stopped_at = clock_timestamp(), stopped_by = $2 where host_uuid = $1',
        [host, by],
      )),

    noteDecnet: async (host, fact) =>
      void (await database.query(updateDecnet, [host, JSON.stringify(decnetToJson(fact))])),
    noteLastLines: (host, found) => noteLastLines(database.query, host, found),
    forget: (host) =>
      database.transaction(async (db) => {
        for (const table of tablesOfHost) {
          await query(db, `delete from ${table} where host_uuid = $1`, [host]);
        }
      }),

    takeOver: async (host, identity) =>
      void (await database.query(
        `insert into fleet_hosts (host_uuid, identity) values ($1, $2)
         on conflict (host_uuid) do update set identity = excluded.identity, turn = fleet_hosts.turn + 1`,
        [host, identity],
      )),
  };
}

const tablesOfHost = [
  'fleet_deckies',
  'fleet_transitions',
  'fleet_gaps',
  'fleet_alarms',
  'fleet_notifications',
  'fleet_limits',
  'fleet_hosts',
];

interface HostRow {
  readonly identity: string | null;
  readonly generation: string;
  readonly interval_s: number | null;
  readonly containers: number | null;
  readonly memory: Json;
  readonly figures: Json;
}

const selectHost = `select identity, turn::text as generation, interval_s,
    case when jsonb_typeof(counts -> 'containers') = 'number' then (counts ->> 'containers')::float8 end as containers,
    notes as memory, figures
  from fleet_hosts`;

const hostRecord = (host: string, row: HostRow): HostRecord => ({
  host,
  identity: row.identity,
  generation: row.generation,
  containers: row.containers ?? 0,
  memory: memoryFromJson(row.memory),
  figures: figuresFromJson(row.figures),
});

const unknownHost = (host: string): HostRecord => ({
  host,
  identity: null,
  generation: '0',
  containers: 0,
  memory: memoryFromJson(null),
  figures: figuresFromJson(null),
});

function openTransaction(
  db: Db,
  request: TransactionRequest,
  host: HostRecord,
  moment: string,
  readRows: ReadRows,
  options: LedgerOptions,
): HostTransaction {
  const versions: Versions = new Map();
  const only = request.only && [...request.only];
  return {
    now: Date.parse(moment),
    nowUs: exactTime(moment),
    host,
    recorded: (desired, others) =>
      readRows(db, { host: request.host, only: only && [...only, ...others] }, desired, versions),
    configs: (names) => configsOf(db, request.host, names),
    recentTransitions: async () => {
      const window = contestedWindowMs / 1000;
      const rows = await query<TransitionRow>(db, selectTransitions, [request.host, moment, window, only]);
      return rows.map(
        (row): TimedTransition => ({ name: row.name, from: row.from_state, to: row.to_state, at: row.at }),
      );
    },
    apply: (changes) => applyChanges(db, request, moment, changes, versions),
    alert: (updates) => raiseAlerts(db, request.host, moment, updates),
    record: async (pass) => {
      const isFull = request.only === null;
      if (isFull) {
        await query(db, insertGap, [request.host, moment, options.intervalSeconds]);
        await query(db, 'select fleet_prune_transitions($1, $2)', [request.host, options.historyDays]);
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
        JSON.stringify(memoryToJson(pass.memory)),
        JSON.stringify(figuresToJson(pass.figures)),
      ]);
    },
  };
}

interface TransitionRow {
  readonly name: string;
  readonly from_state: FleetState | null;
  readonly to_state: FleetState | null;
  readonly at: number;
}

// The last transitions of rows with two or more in the window: enough to decide whether a row is contested.
const selectTransitions = `with changed as (
    select name from fleet_transitions
    where host_uuid = $1 and at > $2::timestamptz - make_interval(secs => $3)
      and ($4::text[] is null or name = any ($4::text[])) and from_state is distinct from to_state
    group by name having count(*) >= 2)
  select m.name, m.from_state, m.to_state, (extract(epoch from m.at) * 1000)::float8 as at
  from changed cross join lateral (
    select id, name, from_state, to_state, at from fleet_transitions t
    where t.host_uuid = $1 and t.name = changed.name and t.from_state is distinct from t.to_state
    order by id desc limit 20) m
  order by m.id`;

const updateHost = `update fleet_hosts set turn = turn + 1, identity = coalesce(identity, $3),
    last_pass_at = $2::timestamptz,
    last_full_pass_at = case when $4 then $2::timestamptz else last_full_pass_at end,
    last_observed_at = case when $5 then $2::timestamptz else last_observed_at end,
    last_error = $6, version = $7, counts = case when $4 then $8::jsonb else counts end, notes = $9::jsonb,
    figures = $10::jsonb
  where host_uuid = $1`;

const updateDecnet = `update fleet_hosts
  set notes = (case when jsonb_typeof(notes) = 'object' then notes else '{}' end) || jsonb_build_object('decnet', $2::jsonb)
  where host_uuid = $1`;

/** Records a gap if the host was stale until this pass. */
const insertGap = `insert into fleet_gaps (host_uuid, from_at, to_at)
  select host_uuid, last_full_pass_at, $2::timestamptz from fleet_hosts h
  where host_uuid = $1 and ${isStale('$3::int', '$2::timestamptz')}
  on conflict do nothing`;
