import { Redis } from 'ioredis';
import { jobName, queueName } from '../src/fleet/job.ts';
import { openRedis, queueBackend } from '../src/queue/backend.ts';
import { redisServer } from '../test/harness/servers.ts';
import { quietResult } from './fleet.ts';
import { redisFigure } from './server-figures.ts';

/** The memory of a host's queue in Redis after many passes. `node bench/queue-memory.ts [--hosts 20] [--jobs 4000]` */
const option = (name: string, fallback: number): number =>
  Number(process.argv[process.argv.indexOf(name) + 1]) || fallback;
const hosts = option('--hosts', 10);
const jobs = option('--jobs', 4000);

const server = await redisServer();
const client = new Redis(server.url);
const connection = openRedis(server.url);
const backend = queueBackend(
  { redis: connection, databaseUrl: 'postgresql://unused' },
  { outage: () => undefined },
);
const used = async (): Promise<number> => redisFigure(await client.info('memory'), 'used_memory');
try {
  const serve = async (host: string): Promise<void> => {
    const queue = backend.queue(queueName(host));
    const worker = backend.worker(queueName(host), async () => quietResult(host, '1'));
    const done = new Promise<void>((all) => worker.on('drained', () => all()));
    for (let at = 0; at < jobs; at += 500) {
      await queue.addBulk(
        Array.from({ length: 500 }, () => ({ name: jobName, data: { host_uuid: host, cause: 'schedule' } })),
      );
    }
    void worker.run();
    await done;
    await worker.close();
  };
  // The scripts are stored once, for any number of hosts.
  await serve('warm-up');
  const before = await used();
  for (let at = 0; at < hosts; at++) await serve(`host-${at}`);
  const perHost = (await used()) - before;
  console.log(
    `after ${jobs} passes a host's queue takes ${(perHost / hosts / 1024).toFixed(0)} KB of Redis (${hosts} hosts measured)`,
  );
} finally {
  await backend.close();
  connection.disconnect();
  client.disconnect();
  await server.remove();
}
