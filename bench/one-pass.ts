/**
 * One pass over many deckies, by phase, beside the floor: the same input and output with nothing around it.
 * `npm run bench [-- --deckies 100,1000,10000] [--rounds 5] [--full] [--json FILE]`; `--full` adds 50,000 deckies.
 * The engine answers Docker's API from memory in a process of its own, PostgreSQL is real. Every measurement has a
 * process of its own, for its peak memory.
 */
import { fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { arch, cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/package.ts';
import { postgresServer } from '../test/support/servers.ts';
import { manyDeckies } from './fleet.ts';

/** What one process measured. Milliseconds, the median of its rounds; bytes. */
export interface Measured {
  readonly total: number;
  readonly phases: Readonly<Record<string, number>>;
  readonly peak: number;
  /** Milliseconds: the longest time for which the event loop stood still. */
  readonly blocked: number;
}

const cases = ['all new', 'nothing changed', '1 % changed', 'all deleted'] as const;
export type Case = (typeof cases)[number];

const { values } = parseArgs({
  options: {
    deckies: { type: 'string', default: '100,1000,10000' },
    rounds: { type: 'string', default: '5' },
    full: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const sizes = [...values.deckies.split(',').map(Number), ...(values.full ? [50_000] : [])];
const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${release()} ${arch()}, Node ${process.versions.node}`;

const directory = await mkdtemp(join(tmpdir(), 'decnet-fleet-bench-'));
const postgres = await postgresServer();
const rows: object[] = [];
let engines = 0;
try {
  console.log(`One pass, deckies of 3 services, on ${machine}. Milliseconds, median of ${values.rounds}.\n`);
  console.log(
    line(
      'deckies',
      'case',
      'pass',
      'floor',
      'ratio',
      'file',
      'Docker',
      'rows',
      'plan',
      'apply',
      'peak MB',
      'floor MB',
      'blocked',
    ),
  );
  for (const deckies of sizes) {
    const stateFile = join(directory, `${deckies}.json`);
    await writeFile(stateFile, JSON.stringify(manyDeckies(deckies)));
    const emptyFile = join(directory, 'empty.json');
    await writeFile(emptyFile, JSON.stringify({ config: { deckies: [] } }));
    const full = await engine(deckies);
    const empty = await engine(0);
    try {
      for (const which of cases) {
        const isDeleted = which === 'all deleted';
        const args = [
          which,
          String(deckies),
          values.rounds,
          postgres.url,
          isDeleted ? emptyFile : stateFile,
          isDeleted ? empty.socket : full.socket,
          stateFile,
        ];
        const ours = await measured('bench/measure-pass.ts', args);
        const floor = await measured('bench/measure-floor.ts', args);
        rows.push({ deckies, case: which, ours, floor, ratio: ours.total / floor.total });
        const phase = (name: string): string => Math.round(ours.phases[name] ?? 0).toString();
        console.log(
          line(
            String(deckies),
            which,
            ours.total.toFixed(0),
            floor.total.toFixed(0),
            (ours.total / floor.total).toFixed(2),
            phase('file'),
            phase('docker'),
            phase('rows'),
            phase('plan'),
            phase('apply'),
            (ours.peak / 2 ** 20).toFixed(0),
            (floor.peak / 2 ** 20).toFixed(0),
            ours.blocked.toFixed(0),
          ),
        );
      }
    } finally {
      full.stop();
      empty.stop();
    }
  }
  if (values.json !== undefined)
    await writeFile(
      values.json,
      `${JSON.stringify({ machine, rounds: Number(values.rounds), rows }, null, 2)}\n`,
    );
} finally {
  await postgres.remove();
  await rm(directory, { recursive: true, force: true });
}

function line(...cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 1 ? cell.padEnd(16) : cell.padStart(at === 0 ? 7 : 8))).join(' ');
}

/** Docker's API on a socket, for so many deckies. */
async function engine(deckies: number): Promise<{ socket: string; stop(): void }> {
  engines += 1;
  const socket = join(directory, `docker-${engines}.sock`);
  const child = fork(join(packageRoot, 'bench/fake-engine.ts'), [socket, String(deckies)]);
  await new Promise((done, fail) => {
    child.once('message', done);
    child.once('exit', (code) => fail(new Error(`the engine ended with ${code}`)));
  });
  return { socket, stop: () => void child.kill() };
}

function measured(program: string, args: readonly string[]): Promise<Measured> {
  const child = fork(join(packageRoot, program), args);
  return new Promise((done, fail) => {
    child.once('message', (found) => done(found as Measured));
    child.once('exit', (code) => fail(new Error(`${program} ended with ${code}`)));
  });
}
