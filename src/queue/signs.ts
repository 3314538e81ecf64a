import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

/** Milliseconds between two signs of a worker, and until the last one is forgotten. */
const everyMs = 5000;
const keptMs = 16_000;

/**
 * A key for each worker that lives, for a Redis whose CLIENT LIST is renamed or forbidden: it tells then who lives.
 * @param prefix of the keys of its queue, with the colon
 */
export function signsOfLife(redis: Redis, prefix: string): { close(): void } {
  const key = `${prefix}alive:${randomUUID()}`;
  const sign = (): void => {
    // What is sent while it is away would be kept, and be sent all at once.
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

/** How many workers have signed lately. */
export const countSigns = async (redis: Redis, prefix: string): Promise<number> =>
  (await keysOf(redis, prefix)).size;

/** Removes what workers that were killed have left. */
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
