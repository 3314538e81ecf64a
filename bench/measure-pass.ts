/** A pass of this product, by phase. Started by bench/one-pass.ts. */
import pg from 'pg';
import { postgresLedger } from '../src/database/ledger.ts';
import { openDatabase } from '../src/database/orm.ts';
import { dockerEngine } from '../src/docker/engine.ts';
import type { Turn } from '../src/pass/ledger.ts';
import { type Ports, pass } from '../src/pass/pass.ts';
import { stateFileReader } from '../src/state-file/read.ts';
import { measure, timed, told } from './measure.ts';

const host = 'bench';
const database = await openDatabase(told.databaseUrl);
await database.migrate();
const client = new pg.Client({ connectionString: told.databaseUrl });
await client.connect();
const ledger = postgresLedger(database, { version: 'bench', historyDays: 30 });
const engineAt = (socket: string) =>
  dockerEngine({
    host: `unix://${socket}`,
    tlsVerify: false,
    certPath: undefined,
    context: undefined,
    configDir: undefined,
  });
const engine = engineAt(told.socket);

/** The ports of a pass, each timed. The file is read anew: its kept content is what the other rounds of a worker use. */
function portsOf(phases: Record<string, number>): Ports {
  const file = stateFileReader(told.stateFile, host);
  const turnOf = (turn: Turn): Turn => ({
    ...turn,
    recorded: () => timed(phases, 'rows', () => turn.recorded()),
    moves: () => timed(phases, 'rows', () => turn.moves()),
    apply: (changes) => {
      phases.plan = performance.now() - (phases.planned ?? 0);
      return timed(phases, 'apply', () => turn.apply(changes));
    },
    alarm: (moves) => timed(phases, 'apply', () => turn.alarm(moves)),
    record: (record) => timed(phases, 'apply', () => turn.record(record)),
  });
  return {
    ledger: {
      ...ledger,
      takeTurn: (request, seen, work) =>
        ledger.takeTurn(request, seen, async (turn) => {
          const timedTurn = turnOf(turn);
          return work({
            ...timedTurn,
            moves: async () => {
              const found = await timedTurn.moves();
              phases.planned = performance.now();
              return found;
            },
          });
        }),
    },
    stateFile: { path: told.stateFile, read: () => timed(phases, 'file', () => file.read()) },
    engine: { list: (look) => timed(phases, 'docker', () => engine.list(look)) },
    machine: { identity: async () => 'bench' },
    bus: { publish: () => undefined },
  };
}

const forget = async (): Promise<void> => void (await ledger.forget(host));
const fill = async (): Promise<void> => {
  await forget();
  const { rows } = await client.query('select 1 as ok');
  if (rows.length !== 1) throw new Error('PostgreSQL does not answer');
  const file = stateFileReader(told.fullFile, host);
  await pass(
    { host_uuid: host },
    'fill',
    {
      ...portsOf({}),
      stateFile: file,
      engine: { list: async () => ({ kind: 'unreachable', reason: 'filling' }) },
    },
    { grace: 0 },
  );
  // As if a pass had seen them run.
  await client.query(
    `update fleet_deckies set state = 'running', reconciled_at = updated_at where host_uuid = $1`,
    [host],
  );
  await client.query('vacuum analyze fleet_deckies, fleet_transitions');
};

if (told.which === 'nothing changed' || told.which === '1 % changed') await fill();
const prepare = async (): Promise<void> => {
  if (told.which === 'all new') await forget();
  else if (told.which === 'all deleted') await fill();
  else if (told.which === '1 % changed')
    await client.query(
      `update fleet_deckies set state = 'failed' where host_uuid = $1 and name in (
        select name from (select name, row_number() over (order by name) as n from fleet_deckies where host_uuid = $1) d
        where n % 100 = 1)`,
      [host],
    );
};
await measure(prepare, async (phases) => {
  const { result } = await pass({ host_uuid: host }, 'bench', portsOf(phases), { grace: 0 });
  const expected = {
    'all new': result.inserted,
    'all deleted': result.deleted,
    '1 % changed': result.state_updated,
    'nothing changed': 1,
  }[told.which];
  if (expected === 0 || result.docker !== 'ok')
    throw new Error(`the pass did not do its work: ${JSON.stringify(result)}`);
});
