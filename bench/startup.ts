/**
 * The duration of commands from start to end, and the cost of idle long-running processes. PostgreSQL, Redis and Docker
 * are real. Everything runs from the checkout, as `node src/cli/bin.ts`, with a warm compile cache, as in a user's second
 * call.
 */
import { execFileSync, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { buildDeckies } from '../src/builder/flags.ts';
import { seededRandom } from '../src/builder/random.ts';
import { packageRoot } from '../src/lib/package.ts';
import { cli, type Env, type Running, start } from '../test/harness/cli.ts';
import { serviceLabels, type TestEngine, testEngine } from '../test/harness/docker.ts';
import { type TestHost, testHost } from '../test/harness/host.ts';
import { postgresServer, redisServer } from '../test/harness/servers.ts';
import {
  checkRunning,
  cpuSeconds,
  migrate,
  pidOf,
  residentMb,
  startDashboard,
  stop,
  untilIn,
} from './processes.ts';
import { median, type Table } from './report.ts';

const deckies = 5;
/** Seconds between two passes: the default. */
const interval = 30;
/** Seconds after the first pass before the idle window begins, so that work at start-up is over. */
const settles = 10;

interface Rig {
  readonly env: Env;
  readonly client: pg.Client;
}

export const measureStartup = (options: { readonly rounds: number }): Promise<Table> =>
  withRig(async ({ env, client }) => ({
    name: 'startup',
    title: `Start-up: medians of ${options.rounds} rounds.`,
    rows: await startTimes({ env, client }, options.rounds),
  }));

/** @param options.seconds the length of the window */
export const measureIdle = (options: { readonly seconds: number }): Promise<Table> =>
  withRig(async ({ env, redisUrl, client }) => {
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot });
    const { rows, passes } = await idleCosts(
      { env: { ...env, REDIS_URL: redisUrl }, client },
      options.seconds,
    );
    return {
      name: 'idle',
      title: `Idle: ${options.seconds} s side by side at an interval of ${interval} s, ${deckies} deckies, queues on Redis, no dashboard readers; ${passes} scheduled passes lay in that time.`,
      rows,
    };
  });

/** Runs `work` with a host, its engine, a database and a Redis. */
async function withRig<T>(work: (rig: Rig & { redisUrl: string }) => Promise<T>): Promise<T> {
  const closers: (() => unknown)[] = [];
  try {
    const host = testHost();
    closers.push(() => host.remove());
    const engine = await testEngine();
    closers.push(() => engine.stop());
    const postgres = await postgresServer();
    closers.push(() => postgres.remove());
    const redis = await redisServer();
    closers.push(() => redis.remove());
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    closers.push(() => client.end());

    await makeFleet(host, engine);
    const env = host.env({
      DATABASE_URL: postgres.url,
      DOCKER_HOST: engine.host,
      DECNET_HOST_UUID: 'host-a',
      DECNET_INTERVAL: String(interval),
      // Disabled: without a bus the worker keeps trying to connect, which does not happen on a host with DECNET.
      DECNET_BUS_ENABLED: 'false',
    });
    await migrate(env);
    return await work({ env, client, redisUrl: redis.url });
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function makeFleet(host: TestHost, engine: TestEngine): Promise<void> {
  const addresses = Array.from({ length: deckies }, (_, at) => `192.0.2.${at + 1}`);
  const fleet = buildDeckies({ addresses, services: ['ssh'], random: seededRandom(1) });
  host.write(fleet);
  await Promise.all(
    fleet.map(({ name }) => engine.make({ name: `${name}-ssh`, labels: serviceLabels(name, 'ssh') })),
  );
}

/** The timed cases, alternating. Each returns milliseconds, or throws if its work failed. */
async function startTimes(rig: Rig, rounds: number): Promise<Table['rows']> {
  const works: Readonly<Record<string, () => Promise<number>>> = {
    'floor: node -e 0': emptyNode,
    'node src/cli/bin.ts --help': () => help(rig),
    'node src/cli/bin.ts reconcile --once --json, queues in PostgreSQL': () => onePass(rig),
    'node src/cli/bin.ts up, to its first full pass recorded, queues in PostgreSQL': () => firstPass(rig),
  };
  const times = new Map<string, number[]>(Object.keys(works).map((name) => [name, []]));
  // The first round fills the compile cache.
  for (let round = 0; round <= rounds; round++) {
    for (const [name, work] of Object.entries(works)) {
      const time = await work();
      if (round > 0) times.get(name)?.push(time);
    }
  }
  return [...times].map(([name, found]) => ({
    measured: name,
    'median ms': Math.round(median(found)),
    'worst ms': Math.round(Math.max(...found)),
  }));
}

async function emptyNode(): Promise<number> {
  const from = performance.now();
  const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  const code = await new Promise((done) => child.once('close', done));
  if (code !== 0) throw new Error(`node -e 0 ended with ${String(code)}`);
  return performance.now() - from;
}

async function help({ env }: Rig): Promise<number> {
  const from = performance.now();
  const { code, stdout, stderr } = await cli(['--help'], env);
  const time = performance.now() - from;
  if (code !== 0 || !stdout.includes('Usage: decnet-fleet')) throw new Error(`--help: ${code} ${stderr}`);
  return time;
}

/** A pass in which every decky is new, by the command's own worker. */
async function onePass(rig: Rig): Promise<number> {
  await forget(rig);
  const from = performance.now();
  const { code, stdout, stderr } = await cli(['reconcile', '--once', '--json'], rig.env);
  const time = performance.now() - from;
  if (code !== 0) throw new Error(`reconcile --once ended with ${code}: ${stderr}`);
  const { inserted, docker } = JSON.parse(stdout) as { inserted: number; docker: string };
  if (inserted !== deckies || docker !== 'ok') throw new Error(`not the pass that is measured: ${stdout}`);
  return time;
}

async function firstPass(rig: Rig): Promise<number> {
  await forget(rig);
  const from = performance.now();
  const up = start(['up'], rig.env);
  try {
    await untilIn(up, 'the first full pass of `up`', () => hasFullPass(rig));
    const time = performance.now() - from;
    const { rowCount } = await rig.client.query(`select 1 from fleet_deckies where state = 'running'`);
    if (rowCount !== deckies) throw new Error(`${rowCount} of ${deckies} deckies run:\n${up.output()}`);
    return time;
  } finally {
    await stop(up);
  }
}

const forget = ({ client }: Rig): Promise<unknown> =>
  client.query('truncate fleet_deckies, fleet_hosts, fleet_transitions, fleet_gaps, fleet_alarms');

const hasFullPass = async ({ client }: Rig): Promise<boolean> =>
  (await client.query('select 1 from fleet_hosts where last_full_pass_at is not null')).rowCount === 1;

/** Passes of the host so far. */
const generations = async ({ client }: Rig): Promise<number> =>
  Number((await client.query<{ turn: string }>('select turn from fleet_hosts')).rows[0]?.turn);

/** CPU time and memory of the long-running processes, measured in parallel, compared with an idle Node process. */
async function idleCosts(rig: Rig, seconds: number): Promise<{ rows: Table['rows']; passes: number }> {
  await forget(rig);
  const processes: Record<string, Running> = {};
  try {
    const scheduler = start([], rig.env, 'scheduler.ts');
    processes['idle: node scheduler.ts'] = scheduler;
    // As it is installed: from a checkout, Node's type stripper takes 15 MB more.
    const worker = start([], rig.env, 'dist/worker.js');
    processes['idle: node worker.js of the package'] = worker;
    const dashboard = await startDashboard(rig.env);
    processes['idle: node src/cli/bin.ts dashboard'] = dashboard.running;
    processes['idle, floor: a Node that waits'] = start([], {}, 'bench/wait.js');
    await untilIn(worker, 'the first full pass of the worker', () => hasFullPass(rig));
    await sleep(settles * 1000);

    const before = await generations(rig);
    const from = performance.now();
    const used = Object.entries(processes).map(([name, running]) => ({
      name,
      running,
      cpu: cpuSeconds(pidOf(running)),
    }));
    await sleep(seconds * 1000);
    const elapsed = (performance.now() - from) / 1000;
    const rows = used.map(({ name, running, cpu }) => {
      checkRunning(name, running);
      const pid = pidOf(running);
      return {
        measured: name,
        'CPU % of a core': Number((((cpuSeconds(pid) - cpu) / elapsed) * 100).toFixed(2)),
        'resident MB': Math.round(residentMb(pid)),
      };
    });
    const passes = (await generations(rig)) - before;
    // All intervals except the first and the last are completely in the window.
    if (passes < Math.floor(seconds / interval) - 1)
      throw new Error(`only ${passes} passes in ${seconds} s:\n${worker.output()}\n${scheduler.output()}`);
    return { rows, passes };
  } finally {
    await Promise.all(Object.values(processes).map(stop));
  }
}
