import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { buildDeckies } from '../src/fleet/builder/flags.ts';
import { seededRandom } from '../src/fleet/builder/random.ts';
import { cli, start } from '../test/support/cli.ts';
import { serviceLabels, testEngine } from '../test/support/docker.ts';
import { testHost } from '../test/support/host.ts';
import { postgresServer, redisServer } from '../test/support/servers.ts';
import { waitFor } from '../test/support/wait.ts';

/**
 * From the moment Docker emits an event (its own `timeNano`) to the committed row, on a real engine and both stores.
 * `node bench/freshness.ts [--rounds 50]`. Needs root, dockerd and redis-server.
 */
const rounds = Number(process.argv[process.argv.indexOf('--rounds') + 1]) || 50;
const deckies = 20;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const engine = await testEngine();
const [postgres, redis] = [await postgresServer(), await redisServer()];
try {
  console.log(
    `${deckies} deckies on one host, ${rounds} containers killed; milliseconds from Docker's event to the committed row`,
  );
  for (const [store, more] of [
    ['Redis', { REDIS_URL: redis.url }],
    ['PostgreSQL', {}],
  ] as const) {
    const { latencies, full } = await measure(more);
    const line = `median ${median(latencies).toFixed(1)}  worst ${Math.max(...latencies).toFixed(1)}  full listings made ${full}`;
    console.log(`  queues on ${store.padEnd(10)}  ${line}`);
  }
} finally {
  await engine.stop();
  await redis.remove();
  await postgres.remove();
}

async function measure(more: {
  REDIS_URL?: string;
}): Promise<{ latencies: readonly number[]; full: number }> {
  const host = testHost();
  const env = host.env({
    DATABASE_URL: postgres.url,
    DOCKER_HOST: engine.host,
    DECNET_INTERVAL: '86400',
    ...more,
  });
  const addresses = Array.from({ length: deckies }, (_, at) => `192.0.2.${at + 1}`);
  const fleet = buildDeckies({ addresses, services: ['ssh'], random: seededRandom(1) });
  const names = fleet.map(({ name }) => name);
  host.write(fleet);
  await Promise.all(
    names.map((name) => engine.make({ name: `${name}-ssh`, labels: serviceLabels(name, 'ssh') })),
  );
  await cli(['migrate'], env);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query('truncate fleet_deckies, fleet_hosts, fleet_transitions');
  const worker = start([], env, 'worker.ts');
  await waitFor(
    async () =>
      (await client.query(`select 1 from fleet_deckies where state = 'running'`)).rowCount === deckies,
  );
  const turn = async (): Promise<unknown> =>
    (await client.query('select last_full_pass_at::text as at from fleet_hosts')).rows[0]?.at;
  const before = await turn();
  // The committed row's own time, taken in the transaction just before its writes: a commit is added by asking for it.
  const died = await dieEvents();
  const latencies: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const name = names[round % deckies] ?? '';
    const container = engine.container(`${name}-ssh`);
    await sleep(300);
    const seen = died.next(`${name}-ssh`);
    await container.kill();
    const emitted = await seen;
    let committed = 0;
    while (committed === 0) {
      const { rows } = await client.query(
        `select 1 from fleet_deckies where name = $1 and state = 'failed'`,
        [name],
      );
      if (rows.length > 0) committed = performance.timeOrigin + performance.now();
    }
    latencies.push(committed - emitted);
    await container.start();
    await waitFor(
      async () =>
        (await client.query(`select 1 from fleet_deckies where name = $1 and state = 'running'`, [name]))
          .rowCount === 1,
    );
  }
  const full = (await turn()) === before ? 0 : 1;
  died.stop();
  worker.child.kill('SIGTERM');
  await worker.finished;
  await client.end();
  await engine.removeAll();
  host.remove();
  return { latencies, full };
}

/** When the engine says that each container died, by its own clock: this machine's. */
async function dieEvents() {
  const waiting = new Map<string, (at: number) => void>();
  const stream = await engine.docker.getEvents({ filters: { event: ['die'] } });
  stream.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split('\n')) {
      const event = JSON.parse(line) as { timeNano: number; Actor: { Attributes: { name: string } } };
      waiting.get(event.Actor.Attributes.name)?.(event.timeNano / 1e6);
    }
  });
  stream.on('error', () => undefined);
  return {
    next: (name: string) => new Promise<number>((done) => waiting.set(name, done)),
    stop: () => (stream as unknown as { destroy(): void }).destroy(),
  };
}
