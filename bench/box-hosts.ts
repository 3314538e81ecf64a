/**
 * Many hosts in one process, each with a worker of its own: queue, pass, transaction, bus and database are the product's, only
 * file, engine and machine are in memory. Started by bench/box.ts.
 * `DATABASE_URL=… REDIS_URL=… node bench/box-hosts.ts HOSTS DECKIES FLAPPING INTERVAL`
 */

import { buildDeckies } from '../src/builder/flags.ts';
import { seededRandom } from '../src/builder/random.ts';
import { openBus } from '../src/bus/open.ts';
import { postgresLedger } from '../src/database/ledger/ledger.ts';
import { openDatabase } from '../src/database/orm.ts';
import type { Container } from '../src/fleet/plan/container-match.ts';
import { portsOff } from '../src/fleet/plan/ports.ts';
import { createLog } from '../src/lib/log.ts';
import { noHearing } from '../src/pass/observe.ts';
import { openRedis, type QueueBackend, queueBackend } from '../src/queue/backend.ts';
import { parseStateFile } from '../src/state-file/parse.ts';
import { type HostWorker, startHostWorker } from '../src/worker/host.ts';
import type { Trigger, Watcher } from '../src/worker/triggers.ts';

/** The figures of a window for the parent, in milliseconds. */
export interface BoxFigures {
  readonly passes: number;
  readonly failed: number;
  /** From the due time of a scheduled pass to its begin. */
  readonly lateness: readonly number[];
  /** From a container's change of state to its committed row. */
  readonly eventToRow: readonly number[];
}

const [hosts = 0, deckies = 0, flapping = 0] = process.argv.slice(2, 5).map(Number);
const [interval = '30'] = process.argv.slice(5);
const { DATABASE_URL: databaseUrl = '', REDIS_URL: redisUrl = '' } = process.env;

const log = createLog('error');
const database = await openDatabase(databaseUrl, { poolMax: 8 });
const ledger = postgresLedger(database, { version: 'bench', historyDays: 30, intervalSeconds: 30 });
const redis = openRedis(redisUrl);
redis.setMaxListeners(0);
const figures = { passes: 0, failed: 0, lateness: [] as number[], eventToRow: [] as number[] };
const backend = watched(queueBackend({ redis, databaseUrl }, { outage: () => undefined }));
const bus = openBus({ redis, databaseUrl, decnet: null }, log);

/** A backend whose workers record the delay of scheduled jobs. */
function watched(real: QueueBackend): QueueBackend {
  return {
    ...real,
    worker: (name, run) =>
      real.worker(name, (job) => {
        if (job.data.cause === 'schedule')
          figures.lateness.push(Math.max(0, Date.now() - job.timestamp - (job.opts.delay ?? 0)));
        return run(job);
      }),
  };
}

interface SimulatedHost {
  readonly worker: HostWorker;
  /** Starts or stops a container, and triggers the worker as an engine event does. */
  flip(): void;
}

const container = (name: string, decky: string | null): Container => ({
  name,
  decky,
  service: decky === null ? null : 'ssh',
  state: 'running',
  exitCode: null,
  unhealthy: false,
  createdAt: 0,
  ageSeconds: 3600,
  loop: { kind: 'none' },
  isOfDecnet: true,
  isOfTopology: false,
  network: decky === null ? 'own' : 'shared',
  owner: decky,
  startedBeforeBase: false,
});

async function simulate(host: string): Promise<SimulatedHost> {
  const addresses = Array.from({ length: deckies }, (_, at) => `192.0.2.${at + 1}`);
  const built = buildDeckies({ addresses, services: ['ssh'], random: seededRandom(1) });
  const file = Buffer.from(JSON.stringify({ config: { deckies: built } }));
  const desired = { ...(await parseStateFile(file, 'memory', host)), revision: host };
  const engine = new Map(
    built.flatMap(({ name }) => [
      [name, container(name, null)],
      [`${name}-ssh`, container(`${name}-ssh`, name)],
    ]),
  );
  const flipped = new Map<string, number>();
  let look: (trigger: Trigger) => void = () => undefined;
  const silent: Watcher = { start: () => ({ ready: Promise.resolve(), close: async () => undefined }) };
  const docker: Watcher = {
    start: (given) => {
      look = given;
      return { ready: Promise.resolve(), close: async () => undefined };
    },
  };
  const worker = startHostWorker({
    host,
    version: 'bench',
    ports: {
      ledger,
      bus,
      hearing: noHearing,
      decnet: null,
      stateFile: { path: 'memory', read: async () => desired },
      machine: { identity: async () => host },
      engine: {
        list: async ({ only }) => ({
          kind: 'ok',
          ports: portsOff,
          isWhole: only === null,
          now: Date.now() / 1000,
          containers: [...engine.values()].filter((one) => only === null || only.has(one.decky ?? one.name)),
        }),
      },
    },
    bus,
    backend,
    graceSeconds: 0,
    rolloutSeconds: 0,
    intervalSeconds: Number(interval),
    log,
    watchers: { docker, file: silent },
    onPass: (_, { transitions }) => {
      figures.passes += 1;
      for (const { name } of transitions) {
        const at = flipped.get(name);
        if (at !== undefined) figures.eventToRow.push(performance.now() - at);
        flipped.delete(name);
      }
    },
    onFailure: () => {
      figures.failed += 1;
    },
  });
  return {
    worker,
    flip: () => {
      const name = built[0]?.name ?? '';
      const old = engine.get(`${name}-ssh`) ?? container(`${name}-ssh`, name);
      const isUp = old.state === 'running';
      engine.set(`${name}-ssh`, { ...old, state: isUp ? 'exited' : 'running', exitCode: isUp ? 137 : null });
      flipped.set(name, performance.now());
      look({ kind: 'decky', name });
    },
  };
}

const all: SimulatedHost[] = [];
for (let at = 0; at < hosts; at++) {
  const name = `box-${String(at).padStart(5, '0')}`;
  await ledger.register(name, Number(interval));
  all.push(await simulate(name));
}

/** Each flapping container changes its state once in 30 s, at its own offset. */
const timers = all.slice(0, flapping).map(({ flip }, at) =>
  setTimeout(
    () => {
      flip();
      timers.push(setInterval(flip, 30_000) as NodeJS.Timeout);
    },
    (30_000 * at) / flapping,
  ),
);

process.on('message', (message) => {
  if (message === 'figures') process.send?.(figures satisfies BoxFigures);
  if (message === 'clear') {
    Object.assign(figures, { passes: 0, failed: 0, lateness: [], eventToRow: [] });
    process.send?.('cleared');
  }
  if (message === 'end') {
    for (const timer of timers) clearInterval(timer);
    void Promise.all(all.map(({ worker }) => worker.close())).finally(() => process.exit(0));
  }
});
process.send?.('ready');
