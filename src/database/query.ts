import { CompiledQuery, type Kysely } from 'kysely';

/** A connection of MikroORM's, or the transaction that it is in. */
export interface Db {
  readonly kysely: Kysely<unknown>;
  /** Where our tables are, quoted as an identifier. */
  readonly schema: string;
}

/** Runs one statement. */
export type Query = <R>(statement: string, values?: readonly unknown[]) => Promise<readonly R[]>;

/** Every name of ours that a statement may use: tables, and the functions that workers call. */
const ourNames = [
  'fleet_alarms',
  'fleet_deckies',
  'fleet_delete_deckies',
  'fleet_gaps',
  'fleet_granted_host',
  'fleet_grants',
  'fleet_hosts',
  'fleet_is_master',
  'fleet_limits',
  'fleet_locks',
  'fleet_masters',
  'fleet_migrations',
  'fleet_notifications',
  'fleet_prune_transitions',
  'fleet_transitions',
] as const;

const anyOfOurs = new RegExp(`\\b(?:${ourNames.join('|')})\\b`, 'g');

/** A statement with our names in full: the search path may not lead to them. @param schema quoted */
export const qualified = (statement: string, schema: string): string =>
  statement.replace(anyOfOurs, (name) => `${schema}.${name}`);

/** Runs one statement with real parameters: MikroORM's own `execute` would write them into its text. */
export async function query<R>(
  db: Db,
  statement: string,
  values: readonly unknown[] = [],
): Promise<readonly R[]> {
  const text = qualified(statement, db.schema);
  return (await db.kysely.executeQuery<R>(CompiledQuery.raw(text, [...values]))).rows;
}
