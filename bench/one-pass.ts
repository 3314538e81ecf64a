/**
 * One pass over many deckies, by phase, beside the floor: the same input and output with nothing around it.
 * The engine answers Docker's API from memory in a process of its own, PostgreSQL is real. Pass and floor have a process
 * each, for their peaks of memory, and take turns. Where it does not take too long, a pass in upstream's way stands beside.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresServer } from '../test/support/servers.ts';
import { runProgram, startProgram } from './child.ts';
import { manyDeckies } from './fleet.ts';
import { median, type Table } from './report.ts';
import type { Standstill } from './standstill.ts';

/** What a measuring process tells of a round. Milliseconds. */
export interface Round {
  readonly total: number;
  readonly phases: Readonly<Record<string, number>>;
  readonly standstill: Standstill;
}

/** What it tells in the end. */
export interface Measured {
  /** Bytes. */
  readonly peak: number;
}

/** Up to so many deckies a pass in upstream's way is measured in all cases: its cost is quadratic. */
const upstreamInAllCases = 1000;

const cases = ['all new', 'first pass', 'nothing changed', '1 % changed', 'all deleted'] as const;
export type Case = (typeof cases)[number] | 'fill';

export async function measureOnePass(options: {
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** The most deckies that a pass in upstream's way is measured with, once; beyond 1,000 with nothing changed alone. */
  readonly upstreamUpTo: number;
}): Promise<Table> {
  const directory = await mkdtemp(join(tmpdir(), 'decnet-fleet-bench-'));
  const postgres = await postgresServer();
  const rows: Record<string, number | string>[] = [];
  try {
    for (const deckies of options.sizes) {
      const stateFile = join(directory, `${deckies}.json`);
      await writeFile(stateFile, JSON.stringify(manyDeckies(deckies)));
      const emptyFile = join(directory, 'empty.json');
      await writeFile(emptyFile, JSON.stringify({ config: { deckies: [] } }));
      const full = await engine(join(directory, `docker-${deckies}.sock`), deckies);
      const empty = await engine(join(directory, `docker-${deckies}-empty.sock`), 0);
      try {
        await runProgram('bench/measure-pass.ts', ['fill', postgres.url, stateFile, full.socket]);
        for (const which of cases) {
          const isDeleted = which === 'all deleted';
          const [file, socket] = isDeleted ? [emptyFile, empty.socket] : [stateFile, full.socket];
          const args = [which, postgres.url, file, socket, stateFile];
          const found = await compared({ deckies, case: which }, args, options.rounds);
          const isCase =
            which !== 'first pass' && (deckies <= upstreamInAllCases || which === 'nothing changed');
          const peer = isCase && deckies <= options.upstreamUpTo ? await upstreamsWay(args) : null;
          rows.push(peer === null ? found : { ...found, "upstream's way": Math.round(peer) });
        }
      } finally {
        full.stop();
        empty.stop();
      }
    }
  } finally {
    await postgres.remove();
    await rm(directory, { recursive: true, force: true });
  }
  return {
    name: 'one-pass',
    title: `One pass, deckies of 3 services. Milliseconds, medians of ${options.rounds} rounds; the standstill is the longest of all.`,
    rows,
  };
}

/** One line of the table: a pass and its floor, in turns. */
async function compared(
  line: Record<string, number | string>,
  args: readonly string[],
  rounds: number,
): Promise<Record<string, number | string>> {
  const ours = await startProgram('bench/measure-pass.ts', args);
  const floor = await startProgram('bench/measure-floor.ts', args);
  const times: { ours: Round[]; floor: Round[] } = { ours: [], floor: [] };
  // The first round warms up.
  for (let at = 0; at <= rounds; at++) {
    const found = {
      ours: (await ours.ask('round')) as Round,
      floor: (await floor.ask('round')) as Round,
    };
    if (at === 0) continue;
    times.ours.push(found.ours);
    times.floor.push(found.floor);
  }
  const peaks = {
    ours: (await ours.ask('end')) as Measured,
    floor: (await floor.ask('end')) as Measured,
  };
  const total = median(times.ours.map((one) => one.total));
  const floorTotal = median(times.floor.map((one) => one.total));
  const phase = (name: string): number => Math.round(median(times.ours.map((one) => one.phases[name] ?? 0)));
  return {
    ...line,
    pass: Math.round(total),
    floor: Math.round(floorTotal),
    ratio: Number((total / floorTotal).toFixed(2)),
    file: phase('file'),
    Docker: phase('docker'),
    rows: phase('rows'),
    plan: phase('plan'),
    apply: phase('apply'),
    'peak MB': Math.round(peaks.ours.peak / 2 ** 20),
    'floor MB': Math.round(peaks.floor.peak / 2 ** 20),
    standstill: Math.round(Math.max(...times.ours.map((one) => one.standstill.longest))),
    'its work': Math.round(Math.max(...times.ours.map((one) => one.standstill.mostWork))),
  };
}

/** A pass in upstream's way, milliseconds: one, since it takes so long that nothing need warm up. */
async function upstreamsWay(args: readonly string[]): Promise<number> {
  const peer = await startProgram('bench/measure-upstream.ts', args);
  const { total } = (await peer.ask('round')) as Round;
  await peer.ask('end');
  return total;
}

/** Docker's API on a socket, for so many deckies. */
async function engine(socket: string, deckies: number): Promise<{ socket: string; stop(): void }> {
  const { child } = await startProgram('bench/fake-engine.ts', [socket, String(deckies)]);
  return { socket, stop: () => void child.kill() };
}
