/**
 * One pass over many deckies, by phase, compared with the floor: the bare input and output.
 * The engine answers Docker's API from memory in a separate process, PostgreSQL is real. Pass and floor run in separate
 * processes, to measure their memory peaks, and alternate. For smaller sizes a pass with DECNET's method is measured, too.
 */
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, postgresServer } from '../test/harness/servers.ts';
import { type Program, runProgram, startProgram } from './child.ts';
import type { EventLoopDelay } from './event-loop-delay.ts';
import { manyDeckies, stateFileOf } from './fleet.ts';
import { median, type Table } from './report.ts';

/** The figures of a round from a measuring process, in milliseconds. */
export interface Round {
  readonly total: number;
  readonly phases: Readonly<Record<string, number>>;
  readonly eventLoopDelay: EventLoopDelay;
}

/** The figures at its end. */
export interface Measured {
  /** Bytes. */
  readonly peak: number;
}

/** The first pass, which reads the file, is measured up to this size; above it, "all new" is enough. */
const maxInFirstPass = 10_000;
/** The floor of a host larger than this takes long and belongs to no goal, so it is measured once. */
const longFloor = 10_000;
const maxOfLongFloor = 1;

export const allCases = ['all new', 'first pass', 'nothing changed', '1 % changed', 'all deleted'] as const;
export type Case = (typeof allCases)[number] | 'fill';

export async function measureOnePass(options: {
  readonly sizes: readonly number[];
  readonly rounds: number;
  readonly cases: readonly Case[];
  /** The maximum number of deckies for a pass with DECNET's method, measured once: its cost is quadratic. */
  readonly upstream: { readonly quiet: number; readonly allCases: number };
}): Promise<Table> {
  const directory = await mkdtemp(join(tmpdir(), 'decnet-fleet-bench-'));
  const postgres = await postgresServer();
  const hosts: Host[] = [];
  const found: Found[] = [];
  try {
    // Each table is vacuumed before a round; autovacuum of another table must not run during one.
    await ask(postgres.url, 'alter system set autovacuum = off');
    await ask(postgres.url, 'select pg_reload_conf()');
    for (const deckies of options.sizes) hosts.push(await openHost(deckies, directory, postgres.url));
    for (const which of options.cases) {
      const isExtra = which === 'first pass';
      const { quiet, allCases } = options.upstream;
      const max = which === 'nothing changed' ? quiet : isExtra ? 0 : allCases;
      const looked = hosts.filter(({ deckies }) => !isExtra || deckies <= maxInFirstPass);
      for (const one of await compared(which, looked, options.rounds)) {
        const upstream = one.host.deckies <= max ? await upstreamsWay(one.host, which) : null;
        found.push({ ...one, upstream });
      }
    }
  } finally {
    for (const host of hosts) host.stop();
    await postgres.remove();
    await rm(directory, { recursive: true, force: true });
  }
  return {
    name: 'pass',
    title: `One pass, deckies of 3 services. Milliseconds, medians of ${options.rounds} rounds; the event-loop delay is the longest of all.`,
    rows: hosts.flatMap((host) =>
      found.filter((one) => one.host === host).map((one) => line(one, smaller(one, found))),
    ),
  };
}

/** Open incidents, and alerts that belong to them, of hosts that the measured one knows nothing of. */
const openIncidents = [
  `insert into fleet_incidents (id, kind, severity, cause, next_command, since, opened_at, changed_at, extent, most, affected, ever)
   select 'bench-' || n, 'deckies_down', 'warning', 'bench', 'docker ps', now(), now(), now(), one, one, '[]', '[]'
   from generate_series(1, 20) n, (values ('{"hosts": 1, "deckies": 10, "down": 10}'::jsonb)) of (one)`,
  `insert into fleet_alarms (host_uuid, name, state, told, since, changed_at, incident)
   select 'other-' || n, 'decky-' || m, 'failed', 'failed', now(), now(), 'bench-' || n
   from generate_series(1, 20) n, generate_series(1, 10) m`,
];
const noIncidents = [
  `delete from fleet_incidents where id like 'bench-%'`,
  `delete from fleet_alarms where host_uuid like 'other-%'`,
];

/** Passes that change nothing, without and with 20 open incidents of 200 deckies, alternating. */
export async function measureBesideIncidents(options: {
  readonly deckies: number;
  readonly rounds: number;
}): Promise<Table> {
  const directory = await mkdtemp(join(tmpdir(), 'decnet-fleet-bench-'));
  const postgres = await postgresServer();
  let host: Host | null = null;
  try {
    host = await openHost(options.deckies, directory, postgres.url);
    const { databaseUrl } = host;
    const ours = await startMeasuring('pass', host, 'nothing changed');
    await ours.ask('round');
    const times = { without: [] as Round[], beside: [] as Round[] };
    for (let at = 0; at < options.rounds; at++) {
      for (const statement of noIncidents) await ask(databaseUrl, statement);
      times.without.push((await ours.ask('round')) as Round);
      for (const statement of openIncidents) await ask(databaseUrl, statement);
      times.beside.push((await ours.ask('round')) as Round);
    }
    await ours.ask('end');
    const [without, beside] = [totalOf(times.without), totalOf(times.beside)];
    return {
      name: 'incidents',
      title: `A pass that changes nothing, beside 20 open incidents. Milliseconds, medians of ${options.rounds} rounds.`,
      rows: [
        {
          deckies: options.deckies,
          'without incidents': Math.round(without),
          'beside 20': Math.round(beside),
          ratio: Number((beside / without).toFixed(2)),
        },
      ],
    };
  } finally {
    host?.stop();
    await postgres.remove();
    await rm(directory, { recursive: true, force: true });
  }
}

/** A host: its file, its engine and its database. */
interface Host {
  readonly deckies: number;
  readonly databaseUrl: string;
  readonly files: { readonly full: string; readonly empty: string };
  readonly engines: { readonly full: string; readonly empty: string };
  stop(): void;
}

const longAgo = new Date('2026-01-01T00:00:00Z');

async function openHost(deckies: number, directory: string, serverUrl: string): Promise<Host> {
  const files = { full: join(directory, `${deckies}.json`), empty: join(directory, 'empty.json') };
  await writeFile(files.full, JSON.stringify(manyDeckies(deckies)));
  // Long ago: after a change passes also ask whether the fleet is being deployed.
  await utimes(files.full, longAgo, longAgo);
  await writeFile(files.empty, JSON.stringify(stateFileOf([])));
  const database = `of_${deckies}`;
  await ask(serverUrl, `create database ${database}`);
  const databaseUrl = Object.assign(new URL(serverUrl), { pathname: database }).href;
  const full = await engine(join(directory, `${deckies}.sock`), deckies);
  const empty = await engine(join(directory, `${deckies}-empty.sock`), 0);
  const engines = { full: full.socket, empty: empty.socket };
  await runProgram('bench/measure-pass.ts', ['fill', files.full, engines.full], {
    DATABASE_URL: databaseUrl,
  });
  const stop = (): void => {
    for (const one of [full, empty]) one.stop();
  };
  return { deckies, databaseUrl, files, engines, stop };
}

/** A measuring process of a case on a host. @param program of `bench/measure-….ts` */
function startMeasuring(program: string, host: Host, which: Case): Promise<Program> {
  const { databaseUrl, files, engines } = host;
  const seen = which === 'all deleted' ? 'empty' : 'full';
  const args = [which, files[seen], engines[seen], files.full];
  return startProgram(`bench/measure-${program}.ts`, args, { DATABASE_URL: databaseUrl });
}

/** The measurements of a pass and its floor. */
interface Found {
  readonly which: Case;
  readonly host: Host;
  readonly ours: readonly Round[];
  readonly floor: readonly Round[];
  readonly peaks: { readonly ours: Measured; readonly floor: Measured };
  /** A pass with DECNET's method, in milliseconds. */
  readonly upstream: number | null;
}

/** Passes and their floors, alternating over all sizes: the speed of such a machine changes within minutes. */
async function compared(which: Case, hosts: readonly Host[], rounds: number): Promise<readonly Found[]> {
  const pairs = await Promise.all(
    hosts.map(async (host) => {
      const [ours, floor] = await Promise.all([
        startMeasuring('pass', host, which),
        startMeasuring('floor', host, which),
      ]);
      return { host, ours, floor, times: { ours: [] as Round[], floor: [] as Round[] } };
    }),
  );
  // Warm up; the floor has almost no code.
  for (const { ours } of pairs) await ours.ask('round');
  for (let at = 0; at < rounds; at++)
    for (const { host, ours, floor, times } of pairs) {
      times.ours.push((await ours.ask('round')) as Round);
      if (at < maxOfLongFloor || host.deckies <= longFloor)
        times.floor.push((await floor.ask('round')) as Round);
    }
  const found: Found[] = [];
  for (const { host, ours, floor, times } of pairs) {
    const peaks = { ours: (await ours.ask('end')) as Measured, floor: (await floor.ask('end')) as Measured };
    found.push({ which, host, ...times, peaks, upstream: null });
  }
  return found;
}

/** The same case on the next smaller host. */
const smaller = ({ which, host }: Found, found: readonly Found[]): Found | undefined =>
  found
    .filter((one) => one.which === which && one.host.deckies < host.deckies)
    .sort((one, other) => one.host.deckies - other.host.deckies)
    .at(-1);

const totalOf = (rounds: readonly Round[]): number => median(rounds.map(({ total }) => total));

/** One line of the table. @param before the same case on the next smaller host, for the ratio */
function line(found: Found, before: Found | undefined): Record<string, number | string> {
  const { which, host, ours, floor, peaks, upstream } = found;
  const times = (one: number, other: number): number => Number((one / other).toFixed(2));
  const phase = (name: string): number => Math.round(median(ours.map((one) => one.phases[name] ?? 0)));
  return {
    deckies: host.deckies,
    case: which,
    pass: Math.round(totalOf(ours)),
    floor: Math.round(totalOf(floor)),
    ratio: times(totalOf(ours), totalOf(floor)),
    ...(before && { 'to the size before': times(totalOf(ours), totalOf(before.ours)) }),
    ...(before && { "floor's": times(totalOf(floor), totalOf(before.floor)) }),
    file: phase('file'),
    Docker: phase('docker'),
    rows: phase('rows'),
    plan: phase('plan'),
    apply: phase('apply'),
    'peak MB': Math.round(peaks.ours.peak / 2 ** 20),
    'floor MB': Math.round(peaks.floor.peak / 2 ** 20),
    'event-loop delay': Math.round(Math.max(...ours.map((one) => one.eventLoopDelay.longest))),
    'of which work': Math.round(Math.max(...ours.map((one) => one.eventLoopDelay.maxWork))),
    ...(upstream !== null && { "DECNET's method": Math.round(upstream) }),
  };
}

/** A pass with DECNET's method, in milliseconds: a single one without warm-up, since it takes long. */
async function upstreamsWay(host: Host, which: Case): Promise<number> {
  const peer = await startMeasuring('upstream', host, which);
  const { total } = (await peer.ask('round')) as Round;
  await peer.ask('end');
  return total;
}

/** Docker's API on a socket, for a number of deckies. */
async function engine(socket: string, deckies: number): Promise<{ socket: string; stop(): void }> {
  const { child } = await startProgram('bench/fake-engine.ts', [socket, String(deckies)]);
  return { socket, stop: () => void child.kill() };
}
