/**
 * Measures what DECNET's own table adds to a pass that finds nothing changed: `npm run bench:decnet [-- DECKIES [ROUNDS]]`. Passes
 * with and without it alternate in one process; PostgreSQL and SQLite are real, and the engine answers from another process.
 */
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresLedger } from '../src/database/ledger/ledger.ts';
import { openDatabase } from '../src/database/orm.ts';
import { openDecnetTable } from '../src/decnet-table/open.ts';
import { dockerEngine } from '../src/docker/engine.ts';
import { keepHeapSmall } from '../src/lib/heap.ts';
import { DecnetSync } from '../src/pass/decnet-sync.ts';
import { noHearing } from '../src/pass/observe.ts';
import { type Ports, pass } from '../src/pass/pass.ts';
import { stateFileReader } from '../src/state-file/read.ts';
import { sqliteDecnet } from '../test/harness/decnet-table.ts';
import { postgresServer } from '../test/harness/servers.ts';
import { startProgram } from './child.ts';
import { manyDeckies } from './fleet.ts';
import { machine, median, printed } from './report.ts';

const [deckies = 10_000, rounds = 15] = process.argv.slice(2).map(Number);
keepHeapSmall();
const directory = await mkdtemp(join(tmpdir(), 'decnet-fleet-bench-'));
const stateFile = join(directory, 'decnet-state.json');
await writeFile(stateFile, JSON.stringify(manyDeckies(deckies)));
await utimes(stateFile, new Date('2026-01-01'), new Date('2026-01-01'));
const socket = join(directory, 'docker.sock');
const [postgres, decnet, engine] = await Promise.all([
  postgresServer(),
  sqliteDecnet('wal'),
  startProgram('bench/fake-engine.ts', [socket, String(deckies), '3'], {}),
]);
const database = await openDatabase(postgres.url);
await database.migrate();
const table = openDecnetTable(decnet.url);
const sync = new DecnetSync(table, 'local');
const docker = {
  host: `unix://${socket}`,
  tlsVerify: false,
  certPath: undefined,
  context: undefined,
  configDir: undefined,
};
const without: Ports = {
  ledger: postgresLedger(database, { version: 'bench', historyDays: 30, intervalSeconds: 30 }),
  stateFile: stateFileReader(stateFile, 'local'),
  engine: dockerEngine(docker),
  machine: { identity: async () => 'bench' },
  hearing: noHearing,
  bus: { publish: () => undefined },
  decnet: null,
};
/** Milliseconds. */
async function timed(ports: Ports): Promise<number> {
  const from = performance.now();
  const { result } = await pass({ host_uuid: 'local' }, 'bench', ports, {
    graceSeconds: 300,
    rolloutSeconds: 900,
  });
  if (result.docker !== 'ok') throw new Error(`the pass did not do its work: ${JSON.stringify(result)}`);
  return performance.now() - from;
}

try {
  const kept = { ...without, decnet: sync };
  const first = await timed(kept);
  // What takes longer than a second is written while passes go on.
  for (let tries = 0; tries < 100 && (await decnet.rows()).length !== deckies; tries++)
    await new Promise((done) => setTimeout(done, 200));
  const written = (await decnet.rows()).length;
  if (written !== deckies) throw new Error(`${written} of ${deckies} rows were written`);
  const times = { without: [] as number[], kept: [] as number[] };
  for (let round = -2; round < rounds; round++) {
    const [one, other] = [await timed(without), await timed(kept)];
    if (round < 0) continue;
    times.without.push(one);
    times.kept.push(other);
  }
  const [one, other] = [median(times.without), median(times.kept)];
  const rows = [
    { pass: 'without it', ms: Math.round(one), times: '1.00' },
    { pass: 'with it', ms: Math.round(other), times: (other / one).toFixed(2) },
    { pass: 'the first with it', ms: Math.round(first), times: '' },
  ];
  console.log(machine());
  console.log(
    printed({
      name: 'decnet',
      title: `A pass over ${deckies} deckies that finds nothing changed, with and without DECNET's own table. Medians of ${rounds} rounds.`,
      rows,
    }),
  );
} finally {
  engine.child.kill();
  await sync.close();
  await table.close();
  await database.close();
  await Promise.all([postgres.remove(), decnet.remove()]);
  await rm(directory, { recursive: true, force: true });
}
process.exit();
