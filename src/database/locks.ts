import { codeOf } from '../lib/errors.ts';
import type { Database } from './database.ts';
import { type Db, query } from './query.ts';

/** Error codes when another process creates the same objects at the same time. */
const alreadyMade: ReadonlySet<string> = new Set(['23505', '42P07', '42710']);

/** MikroORM's record of migrations. It is created here because MikroORM's statement is not schema-qualified. */
const createRecord = `create table if not exists fleet_migrations (
  id serial primary key, name varchar(255) not null, executed_at timestamptz(6) not null default current_timestamp)`;

/** Whether a table exists. */
export async function isMade(db: Db, table: string): Promise<boolean> {
  const [found] = await query<{ made: boolean }>(db, 'select to_regclass($1) is not null as made', [
    `${db.schema}.${table}`,
  ]);
  return found?.made === true;
}

/**
 * Creates the locks and the record of migrations if they do not exist; the first migration needs them. A lock is a row, for
 * work that only one process may do at a time. Advisory locks are not used: they have no privileges, so any host's worker
 * could hold them and block all other processes.
 */
export async function makeLocks(transaction: Database['transaction']): Promise<void> {
  try {
    await transaction(async (db) => {
      if (await isMade(db, 'fleet_locks')) return;
      await query(db, createRecord);
      await query(
        db,
        'create table fleet_locks (name text primary key, used_at timestamptz(6) not null default now())',
      );
      await query(db, `insert into fleet_locks (name) values ('migrations'), ('alarms')`);
      await query(db, 'revoke all on fleet_locks from public');
    });
  } catch (error) {
    if (!alreadyMade.has(codeOf(error) ?? '')) throw error;
  }
}
