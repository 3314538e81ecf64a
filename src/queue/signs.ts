import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

/** Milliseconds between two heartbeats of a worker, and until a heartbeat expires. */
const everyMs = 5000;
const keptMs = 16_000;

/**
 * Writes a heartbeat key for a running worker. Running workers are counted by these keys when CLIENT LIST is renamed or
 * forbidden.
 * @param prefix the key prefix of the queue, including the colon
 */
export function signsOfLife(redis: Redis, prefix: string): { close(): void } {
  const key = `${prefix}alive:${randomUUID()}`;
  const sign = (): void => {
    // ioredis would queue the commands during an outage and send them all at the end.
    if (redis.status === 'ready') redis.set(key, '1', 'PX', keptMs).catch(() => undefined);
  };
  sign();
  const timer = setInterval(sign, everyMs);
  timer.unref();
  return {
    close: () => {
      clearInterval(timer);
      if (redis.status === 'ready') redis.del(key).catch(() => undefined);
    },
  };
}

/** The number of workers with a current heartbeat. */
export const countSigns = async (redis: Redis, prefix: string): Promise<number> =>
  (await keysOf(redis, prefix)).size;

/** Removes the heartbeat keys of killed workers. */
export async function removeSigns(redis: Redis, prefix: string): Promise<void> {
  const keys = [...(await keysOf(redis, prefix))];
  if (keys.length > 0) await redis.del(keys);
}

async function keysOf(redis: Redis, prefix: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}alive:*`, 'COUNT', 1000);
    for (const key of keys) found.add(key);
    cursor = next;
  } while (cursor !== '0');
  return found;
}
