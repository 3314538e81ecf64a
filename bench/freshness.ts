import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { buildDeckies } from '../src/builder/flags.ts';
import { seededRandom } from '../src/builder/random.ts';
import { localHost } from '../src/fleet/decky.ts';
import { start } from '../test/harness/cli.ts';
import { serviceLabels, testEngine } from '../test/harness/docker.ts';
import { testHost } from '../test/harness/host.ts';
import { postgresServer, redisServer } from '../test/harness/servers.ts';
import { migrate } from './processes.ts';
import { median } from './report.ts';
import { committedAt, dieEvents, rowsRunning } from './row-events.ts';

/**
 * The time from a Docker event (its own `timeNano`) to the committed row, on a real engine and both stores.
 * `node bench/freshness.ts [--rounds 50]`. Needs root, dockerd and redis-server.
 */
const rounds = Number(process.argv[process.argv.indexOf('--rounds') + 1]) || 50;
const deckies = 20;

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
  await migrate(env);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query('truncate fleet_deckies, fleet_hosts, fleet_transitions');
  const worker = start([], env, 'worker.ts');
  await rowsRunning(client, deckies);
  const generation = async (): Promise<unknown> =>
    (await client.query('select last_full_pass_at::text as at from fleet_hosts')).rows[0]?.at;
  const before = await generation();
  // The time in the row is from the transaction just before its writes; polling the row also measures the commit.
  const died = await dieEvents(engine);
  const latencies: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const name = names[round % deckies] ?? '';
    const container = engine.container(`${name}-ssh`);
    await sleep(300);
    const seen = died.next(`${name}-ssh`);
    await container.kill();
    const emitted = await seen;
    latencies.push((await committedAt(client, localHost, name, 'failed')) - emitted);
    await container.start();
    await committedAt(client, localHost, name, 'running');
  }
  const full = (await generation()) === before ? 0 : 1;
  died.stop();
  worker.child.kill('SIGTERM');
  await worker.finished;
  await client.end();
  await engine.removeAll();
  host.remove();
  return { latencies, full };
}
