import { openRedis, type QueueBackend, queueBackend } from '../../src/queue/backend.ts';

/**
 * The queues of a store, opened as the product opens them. `close` closes the connection, too.
 * @param redisUrl null: they are in the database
 */
export function openTestQueues(redisUrl: string | null, databaseUrl: string): QueueBackend {
  const redis = redisUrl === null ? null : openRedis(redisUrl);
  const backend = queueBackend({ redis, databaseUrl }, { outage: () => undefined });
  const close = async (): Promise<void> => {
    await backend.close();
    redis?.disconnect();
  };
  return { ...backend, close };
}
