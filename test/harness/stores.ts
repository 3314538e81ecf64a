import { Redis } from 'ioredis';
import { type TestDatabase, testDatabase } from './database.ts';

/** A store of queues: a separate database, and for Redis a separate logical database. */
export interface TestStore {
  readonly db: TestDatabase;
  readonly redisUrl: string | null;
  /** The environment variables of the store. */
  readonly env: { readonly DATABASE_URL: string; readonly REDIS_URL?: string };
  drop(): Promise<void>;
}

export const stores = ['postgres', 'redis'] as const;
export type StoreKind = (typeof stores)[number];

/** The reason to skip tests of a store; false: it is available. */
export const noStore = (kind: StoreKind): string | false =>
  kind === 'redis' && process.env.TEST_REDIS_URL === undefined
    ? 'Redis: there is no redis-server on this machine'
    : false;

let redisDatabases = 0;

/** A logical database of the tests' Redis that no other test uses. */
export function testRedisUrl(): string {
  redisDatabases += 1;
  return `${process.env.TEST_REDIS_URL}/${((process.pid % 1000) * 100 + redisDatabases) % 100_000}`;
}

/** @param database as for `testDatabase` */
export async function testStore(kind: StoreKind, database = { migrated: true }): Promise<TestStore> {
  const db = await testDatabase(database);
  if (kind === 'postgres') {
    return { db, redisUrl: null, env: { DATABASE_URL: db.url }, drop: db.drop };
  }
  const redisUrl = testRedisUrl();
  const flush = async (): Promise<void> => {
    const redis = new Redis(redisUrl);
    await redis.flushdb();
    redis.disconnect();
  };
  await flush();
  return {
    db,
    redisUrl,
    env: { DATABASE_URL: db.url, REDIS_URL: redisUrl },
    drop: async () => {
      await flush();
      await db.drop();
    },
  };
}
