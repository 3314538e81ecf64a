/** A pass of this product, by phase. Started by bench/one-pass.ts. */

import pg from 'pg';
import { postgresLedger } from '../src/database/ledger/ledger.ts';
import { openDatabase } from '../src/database/orm.ts';
import { dockerEngine } from '../src/docker/engine.ts';
import { keepHeapSmall } from '../src/lib/heap.ts';
import type { HostTransaction } from '../src/pass/ledger.ts';
import { noHearing } from '../src/pass/observe.ts';
import { type Ports, pass } from '../src/pass/pass.ts';
import { stateFileReader } from '../src/state-file/read.ts';
import { serveRounds, settings, settle, timed } from './measure.ts';

// As in every process that hosts a worker.
keepHeapSmall();
const host = 'bench';
const database = await openDatabase(settings.databaseUrl);
await database.migrate();
const client = new pg.Client({ connectionString: settings.databaseUrl });
await client.connect();
const ledger = postgresLedger(database, { version: 'bench', historyDays: 30, intervalSeconds: 30 });
const engine = dockerEngine({
  host: `unix://${settings.socket}`,
  tlsVerify: false,
  certPath: undefined,
  context: undefined,
  configDir: undefined,
});

/** The reader of a worker, which keeps the parsed file while it is unchanged; for a first pass it is empty. */
const kept = stateFileReader(settings.stateFile, host);
const isFirstPass = settings.which === 'all new' || settings.which === 'first pass';

/** The ports of a pass, each timed. */
function portsOf(phases: Record<string, number>): Ports {
  const file = isFirstPass ? stateFileReader(settings.stateFile, host) : kept;
  // The transitions are the last input of a plan, and its changes the first output.
  let planBegan = 0;
  const timedTransaction = (transaction: HostTransaction): HostTransaction => ({
    ...transaction,
    recorded: (...given) => timed(phases, 'rows', () => transaction.recorded(...given)),
    recentTransitions: async () => {
      const found = await timed(phases, 'rows', () => transaction.recentTransitions());
      planBegan = performance.now();
      return found;
    },
    apply: (changes) => {
      phases.plan = performance.now() - planBegan;
      return timed(phases, 'apply', () => transaction.apply(changes));
    },
    alert: (updates) => timed(phases, 'apply', () => transaction.alert(updates)),
    record: (record) => timed(phases, 'apply', () => transaction.record(record)),
  });
  return {
    ledger: {
      ...ledger,
      inTransaction: (request, seen, work) =>
        ledger.inTransaction(request, seen, (transaction) => work(timedTransaction(transaction))),
    },
    stateFile: { path: settings.stateFile, read: () => timed(phases, 'file', () => file.read()) },
    hearing: noHearing,
    decnet: null,
    engine: { list: (look) => timed(phases, 'docker', () => engine.list(look)) },
    machine: { identity: async () => 'bench' },
    bus: { publish: () => undefined },
  };
}

const forget = async (): Promise<void> => void (await ledger.forget(host));
/** Prepares the tables in another process, whose memory is not counted here. @see fill */
const restore = async (): Promise<void> => {
  await forget();
  for (const table of ['fleet_hosts', 'fleet_deckies', 'fleet_transitions'])
    await client.query(`insert into ${table} select * from filled.${table}`);
  await client.query('vacuum analyze fleet_deckies, fleet_transitions');
};

/** Records every decky as running, and keeps a copy of the tables. */
async function fill(): Promise<void> {
  await forget();
  await pass(
    { host_uuid: host },
    'fill',
    { ...portsOf({}), engine: { list: async () => ({ kind: 'unreachable', reason: 'filling' }) } },
    { graceSeconds: 0, rolloutSeconds: 0 },
  );
  await client.query(`update fleet_deckies set state = 'running', reconciled_at = updated_at`);
  await client.query('drop schema if exists filled cascade; create schema filled');
  for (const table of ['fleet_hosts', 'fleet_deckies', 'fleet_transitions'])
    await client.query(`create table filled.${table} as select * from ${table}`);
}

if (settings.which === 'fill') {
  await fill();
  process.exit();
}
if (settings.which !== 'all new' && settings.which !== 'all deleted') await restore();
const prepare = async (): Promise<void> => {
  // As for the floor: deleted rows of earlier rounds would slow it down.
  if (settings.which === 'all new')
    await client.query('truncate fleet_hosts, fleet_deckies, fleet_transitions, fleet_alarms');
  else if (settings.which === 'all deleted') await restore();
  else if (settings.which === '1 % changed')
    await client.query(
      `update fleet_deckies set state = 'failed' where host_uuid = $1 and name in (
        select name from (select name, row_number() over (order by name) as n from fleet_deckies where host_uuid = $1) d
        where n % 100 = 1)`,
      [host],
    );
  await client.query(settle);
};
serveRounds(prepare, async (phases) => {
  const { result } = await pass({ host_uuid: host }, 'bench', portsOf(phases), {
    graceSeconds: 0,
    rolloutSeconds: 900,
  });
  const expected = {
    'all new': result.inserted,
    'all deleted': result.deleted,
    '1 % changed': result.state_updated,
    'first pass': 1,
    'nothing changed': 1,
    fill: 0,
  }[settings.which];
  if (expected === 0 || result.docker !== 'ok')
    throw new Error(`the pass did not do its work: ${JSON.stringify(result)}`);
});
