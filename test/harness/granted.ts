import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import type { Env } from './cli.ts';
import type { TestDatabase } from './database.ts';
import { runHere } from './run-here.ts';
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
  const { code, stdout, stderr } = await runHere(['grant', '--host', host], master);
  assert.deepEqual([code, stderr], [0, '']);
  return applyGrant(store, stdout, /^begin;$[\s\S]*^commit;$/m);
}

/** @param statements finds the statements for PostgreSQL in the text that `grant` printed */
export async function applyGrant(store: TestStore, text: string, statements: RegExp): Promise<Granted> {
  await store.db.query(statements.exec(text)?.[0] ?? assert.fail(text));
  const acl = /^ACL SETUSER (.*)$/m.exec(text)?.[1]?.match(/\([^)]*\)|\S+/g) ?? assert.fail(text);
  await asAdmin(store, 'SETUSER', ...acl);
  const settings = Object.fromEntries(
    [...text.matchAll(/^(DECNET_HOST_UUID|DATABASE_URL|REDIS_URL)=(.*)$/gm)].map(([, key, value]) => [
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
