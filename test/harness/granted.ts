import assert from 'node:assert/strict';
import type { MikroORM } from '@mikro-orm/postgresql';
import { Redis } from 'ioredis';
import { StolenWorker } from '../../src/database/migrations/005-stolen-worker.ts';
import { Causes } from '../../src/database/migrations/006-causes.ts';
import { openDatabase } from '../../src/database/orm.ts';
import { cli, type Env } from './cli.ts';
import type { TestDatabase } from './database.ts';
import type { TestStore } from './stores.ts';

/** The credentials of a host's worker. */
export interface Granted {
  readonly role: string;
  /** DECNET_HOST_UUID, DATABASE_URL and REDIS_URL. */
  readonly settings: Env;
  /** Revokes them. */
  remove(): Promise<void>;
}

/** Grants a host as an operator does, by running the printed statements. @param master the master's environment */
export async function granted(store: TestStore, master: Env, host: string): Promise<Granted> {
  const { code, stdout, stderr } = await cli(['grant', '--host', host], master);
  assert.deepEqual([code, stderr], [0, '']);
  await store.db.query(/^begin;$[\s\S]*^commit;$/m.exec(stdout)?.[0] ?? assert.fail(stdout));
  const acl = /^ACL SETUSER (.*)$/m.exec(stdout)?.[1]?.match(/\([^)]*\)|\S+/g) ?? assert.fail(stdout);
  await asAdmin(store, 'SETUSER', ...acl);
  const settings = Object.fromEntries(
    [...stdout.matchAll(/^(DECNET_HOST_UUID|DATABASE_URL|REDIS_URL)=(.*)$/gm)].map(([, key, value]) => [
      key,
      value,
    ]),
  );
  const role = new URL(settings.DATABASE_URL ?? '').username;
  return {
    role,
    settings,
    remove: async () => {
      await asAdmin(store, 'DELUSER', role);
      const [found] = await store.db.query('select from pg_roles where rolname = $1', [role]);
      if (found === undefined) return;
      await store.db.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [
        role,
      ]);
      await store.db.query(`drop owned by ${role} cascade`);
      await store.db.query(`drop role ${role}`);
    },
  };
}

async function asAdmin(store: TestStore, ...words: readonly string[]): Promise<void> {
  const redis = new Redis(store.redisUrl ?? '');
  try {
    await redis.call('ACL', ...words);
  } finally {
    redis.disconnect();
  }
}

/** Drops the constraints of the tables, as in an older version or after manual changes. */
export async function withoutRules(db: TestDatabase): Promise<void> {
  const rules = await db.query<{ drop: string }>(
    `select format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop
     from pg_constraint where conname like 'fleet\\_%\\_sane'`,
  );
  assert.ok(rules.length > 20);
  for (const { drop } of rules) await db.query(drop);
}

/** Reverts a database to the schema of version 0.1. */
export async function downgrade(db: TestDatabase): Promise<void> {
  const database = await openDatabase(db.url);
  for (const Newer of [Causes, StolenWorker]) {
    const migration = new Newer((database.orm as MikroORM).em.getDriver(), database.orm.config);
    migration.down();
    for (const statement of migration.getQueries()) await db.query(String(statement));
  }
  await db.query(`create or replace function fleet_granted_host() returns text
    language sql stable security definer set search_path from current
    as $$ select host_uuid from fleet_grants where role_name = session_user::text $$`);
  await db.query(`delete from fleet_migrations where name >= '005'`);
  await db.query('drop table fleet_locks');
  await database.close();
}
