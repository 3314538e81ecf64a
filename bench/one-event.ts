/**
 * From "a container dies" to "its row is committed", by stage, on one host: each stage is to cost the same whatever the
 * size of its fleet. A few deckies are real containers of a real engine, and one of them dies in each round; the many
 * others are in the state file, in the table, and in what bench/mixed-engine.ts lists. Queues on Redis, rows in
 * PostgreSQL, one worker process.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, Queue } from 'bullmq';
import pg from 'pg';
import type { BuiltDecky } from '../src/builder/build.ts';
import { buildDeckies } from '../src/builder/flags.ts';
import { seededRandom } from '../src/builder/random.ts';
import { type JobData, type JobResult, queueName } from '../src/fleet/job.ts';
import { type Env, start } from '../test/harness/cli.ts';
import { serviceLabels, type TestEngine, testEngine } from '../test/harness/docker.ts';
import { testHost } from '../test/harness/host.ts';
import { postgresServer, redisServer, type Server } from '../test/harness/servers.ts';
import { waitFor } from '../test/harness/wait.ts';
import { startProgram } from './child.ts';
import { builtDeckies, stateFileOf } from './fleet.ts';
import { migrate } from './processes.ts';
import { median, type Table } from './report.ts';
import { committedAt, type DieEvents, dieEvents, rowsRunning } from './row-events.ts';

const hostName = 'bench';
/** Deckies with a real container: enough that each one rests before its next round. */
const realCount = 5;
/** The number of services of each other decky. */
const services = 3;
/** Rounds before those that count, at most as many: the small fleet's worker has compiled nothing in its first pass. */
const maxWarmUps = 5;
/** Milliseconds between two rounds: more than a worker gathers events after a pass (`rest` of src/worker/triggers.ts). */
const pause = 300;
/** The time limit of the first pass over the whole fleet in milliseconds. */
const firstPassWithin = 120_000;

/**
 * Milliseconds of one round. The instants of the queue are whole milliseconds: a stage beside one is up to 1 ms off.
 * `looked` is the time of the transaction, between observing and writing; it is a part of `committed`.
 */
interface Round {
  /** From Docker's own time of the event until the job was on the queue. */
  readonly enqueued: number;
  /** From then until a worker began it. */
  readonly begun: number;
  /** From the beginning until `updated_at` of the row, by PostgreSQL's clock: this machine's. */
  readonly looked: number;
  /** From the beginning until others could read the row. */
  readonly committed: number;
  /** From Docker's time until others could read the row. */
  readonly total: number;
  /** `duration_ms` of the job's result. */
  readonly pass: number;
}

/** The context of a round. */
interface Stage {
  readonly engine: TestEngine;
  readonly client: pg.Client;
  readonly queue: Queue<JobData, JobResult>;
  readonly died: DieEvents;
}

export async function measureOneEvent(options: {
  readonly sizes: readonly number[];
  readonly rounds: number;
}): Promise<Table> {
  await using closing = new AsyncDisposableStack();
  const engine = await testEngine();
  closing.defer(() => engine.stop());
  const postgres = await postgresServer();
  closing.defer(() => postgres.remove());
  await Promise.all(
    realDeckies().map(({ name }) =>
      engine.make({ name: containerOf(name), labels: serviceLabels(name, 'ssh') }),
    ),
  );
  const rows: Record<string, number | string>[] = [];
  for (const deckies of options.sizes) rows.push(await inFleet(deckies, options.rounds, engine, postgres));
  return {
    name: 'event',
    title: `From a container's death to its row, on one host, by its number of deckies. Milliseconds, median and worst of ${options.rounds} rounds.`,
    rows,
  };
}

/** One line of the table. @param deckies the total number of deckies of the host */
async function inFleet(
  deckies: number,
  rounds: number,
  engine: TestEngine,
  postgres: Server,
): Promise<Record<string, number | string>> {
  if (deckies < realCount) throw new Error(`a fleet needs ${realCount} deckies at least, not ${deckies}`);
  await using closing = new AsyncDisposableStack();
  const host = testHost();
  closing.defer(() => host.remove());
  // A new Redis each time, without jobs of the previous fleet.
  const redis = await redisServer();
  closing.defer(() => redis.remove());
  const mixed = await mixedEngine(join(host.directory, 'docker.sock'), engine, deckies - realCount);
  closing.defer(() => mixed.stop());
  host.writeText(JSON.stringify(stateFile(deckies)));
  const env = host.env({
    DECNET_HOST_UUID: hostName,
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    DOCKER_HOST: mixed.host,
    DECNET_INTERVAL: '86400',
  });
  const client = await emptyTables(postgres.url, env);
  closing.defer(() => client.end());
  const worker = start([], env, 'worker.ts');
  closing.defer(async () => {
    worker.child.kill('SIGTERM');
    await worker.finished;
  });
  const queue = new Queue<JobData, JobResult>(queueName(hostName), { connection: { url: redis.url } });
  queue.on('error', () => undefined);
  closing.defer(() => queue.close());
  await rowsRunning(client, deckies, firstPassWithin);
  // As autovacuum does within a minute: otherwise the plans are those of empty tables.
  await client.query('analyze');
  const died = await dieEvents(engine);
  closing.defer(() => died.stop());

  const before = await mixed.fullListings();
  const found = await manyRounds({ engine, client, queue, died }, rounds);
  const fullListings = (await mixed.fullListings()) - before;
  if (fullListings > 0) throw new Error(`${fullListings} full listings were made for single events`);
  return { deckies, store: 'Redis', ...figures(found), 'full listings': fullListings };
}

async function manyRounds(stage: Stage, rounds: number): Promise<readonly Round[]> {
  const names = realDeckies().map(({ name }) => name);
  const found: Round[] = [];
  const warmUps = Math.min(maxWarmUps, rounds);
  for (let round = -warmUps; round < rounds; round++) {
    const one = await oneRound(stage, names[(round + warmUps) % names.length] ?? '');
    if (round >= 0) found.push(one);
  }
  return found;
}

/** Kills a container, waits for its row, and starts it again. */
async function oneRound({ engine, client, queue, died }: Stage, name: string): Promise<Round> {
  await sleep(pause);
  const container = engine.container(containerOf(name));
  const death = died.next(containerOf(name));
  await container.kill();
  const emitted = await death;
  const committed = await committedAt(client, hostName, name, 'failed');
  const { jobId, looked } = await writtenBy(client, name);
  const { timestamp, processedOn, returnvalue } = await finishedJob(queue, jobId, name);
  await container.start();
  await committedAt(client, hostName, name, 'running');
  return {
    enqueued: timestamp - emitted,
    begun: processedOn - timestamp,
    looked: looked - processedOn,
    committed: committed - processedOn,
    total: committed - emitted,
    pass: returnvalue.duration_ms,
  };
}

/** The pass that changed the row to `failed`, from the history, and the time that it wrote into the row (epoch milliseconds). */
async function writtenBy(client: pg.Client, name: string): Promise<{ jobId: string; looked: number }> {
  const { rows } = await client.query<{ jobId: string; looked: number }>(
    `select t.job_id as "jobId", (extract(epoch from d.updated_at) * 1000)::float8 as looked
     from fleet_deckies d join fleet_transitions t on (t.host_uuid, t.name, t.at) = (d.host_uuid, d.name, d.updated_at)
     where d.host_uuid = $1 and d.name = $2 and d.state = 'failed' and t.to_state = 'failed'`,
    [hostName, name],
  );
  if (rows[0] === undefined) throw new Error(`no pass turned ${name} to failed`);
  return rows[0];
}

type Finished = Pick<Job<JobData, JobResult>, 'timestamp' | 'returnvalue'> & { readonly processedOn: number };

/** The finished job from its queue: it finishes a moment after the row is committed. */
async function finishedJob(queue: Queue<JobData, JobResult>, id: string, name: string): Promise<Finished> {
  let job: Job<JobData, JobResult> | undefined;
  await waitFor(async () => {
    job = (await queue.getJob(id)) as Job<JobData, JobResult> | undefined;
    return job === undefined || job.finishedOn !== undefined;
  });
  const { data, timestamp, processedOn, returnvalue } = job ?? {};
  if (timestamp === undefined || processedOn === undefined || returnvalue == null)
    throw new Error(`job ${id}, which wrote the row of ${name}, is not among the finished ones`);
  // A pass with another cause would have one stage less.
  if (data?.cause !== 'docker' || !data.deckies?.includes(name))
    throw new Error(`the row of ${name} was written for ${JSON.stringify(data)}, not for Docker's event`);
  return { timestamp, processedOn, returnvalue };
}

/** Median and worst of each stage. */
function figures(rounds: readonly Round[]): Record<string, number> {
  const columns = [
    ['enqueued', 'event → enqueued'],
    ['begun', '→ begun'],
    ['committed', '→ committed'],
    ['looked', 'of which observing'],
    ['total', 'total'],
    ['pass', "pass's own"],
  ] as const;
  return Object.fromEntries(
    columns.flatMap(([stage, column]) => {
      const values = rounds.map((round) => round[stage]);
      return [
        [column, Number(median(values).toFixed(1))],
        [`worst ${column}`, Number(Math.max(...values).toFixed(1))],
      ];
    }),
  );
}

/** Their names differ from those of `builtDeckies`. */
function realDeckies(): readonly BuiltDecky[] {
  const addresses = Array.from({ length: realCount }, (_, at) => `192.0.2.${at + 1}`);
  const built = buildDeckies({ addresses, services: ['ssh'], random: seededRandom(2) });
  return built.map((decky) => ({ ...decky, name: decky.name.replace('decky', 'real') }));
}

/** The services of a real decky. */
const containerOf = (name: string): string => `${name}-ssh`;

/** All deckies, the real ones first. */
const stateFile = (deckies: number): object =>
  stateFileOf([...realDeckies(), ...builtDeckies(deckies - realCount, services)]);

/** A connection to empty tables of this version. The caller closes it. */
async function emptyTables(url: string, env: Env): Promise<pg.Client> {
  await migrate(env);
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('truncate fleet_deckies, fleet_hosts, fleet_transitions, fleet_alarms, fleet_gaps');
  return client;
}

/** The process of bench/mixed-engine.ts. */
interface MixedEngine {
  /** As `DOCKER_HOST`. */
  readonly host: string;
  /** The number of listings without filters that it has answered. */
  fullListings(): Promise<number>;
  stop(): Promise<void>;
}

async function mixedEngine(socket: string, engine: TestEngine, deckies: number): Promise<MixedEngine> {
  const args = [socket, engine.host.replace('unix://', ''), String(deckies), String(services)];
  const { child, ask } = await startProgram('bench/mixed-engine.ts', args);
  return {
    host: `unix://${socket}`,
    fullListings: async () => Number(await ask('full listings')),
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}
