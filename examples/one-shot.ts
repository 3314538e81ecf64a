// One pass of a host, enqueued by another program: `node one-shot.ts HOST`
import { Queue, QueueEvents } from 'bullmq';
import { type JobData, type JobResult, jobName, queueName } from 'decnet-fleet';
import { Redis } from 'ioredis';

const host = process.argv[2] ?? 'local';
const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
// BullMQ blocks on connections of its own, which must not give up.
const connection = new Redis(url, { maxRetriesPerRequest: null });
const queue = new Queue<JobData, JobResult>(queueName(host), { connection });
const events = new QueueEvents(queueName(host), { connection });

try {
  await events.waitUntilReady();
  const job = await queue.add(jobName, { host_uuid: host, cause: 'manual' });
  const result = await job.waitUntilFinished(events, 30_000);
  console.log(`${result.inserted} inserted, ${result.state_updated} changed, ${result.deleted} deleted`);
} finally {
  await events.close();
  await queue.close();
  connection.disconnect();
}
