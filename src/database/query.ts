import { CompiledQuery, type Kysely } from 'kysely';

/** A connection of MikroORM, or its current transaction. */
export interface Db {
  readonly kysely: Kysely<unknown>;
  /** The schema of the tables, quoted as an identifier. */
  readonly schema: string;
}

/** Runs one statement. */
export type Query = <R>(statement: string, values?: readonly unknown[]) => Promise<readonly R[]>;

/** All tables of decnet-fleet, and the functions that workers call. */
const ourNames = [
  'fleet_alarms',
  'fleet_audit',
  'fleet_deckies',
  'fleet_delete_deckies',
  'fleet_gaps',
  'fleet_granted_host',
  'fleet_grants',
  'fleet_heartbeat',
  'fleet_hosts',
  'fleet_incidents',
  'fleet_is_master',
  'fleet_limits',
  'fleet_locks',
  'fleet_masters',
  'fleet_migrations',
  'fleet_notifications',
  'fleet_prune_transitions',
  'fleet_silences',
  'fleet_transitions',
] as const;

const anyOfOurs = new RegExp(`\\b(?:${ourNames.join('|')})\\b`, 'g');

/** Qualifies the names in a statement with the schema, which may not be on the search path. @param schema quoted */
export const qualified = (statement: string, schema: string): string =>
  statement.replace(anyOfOurs, (name) => `${schema}.${name}`);

/** Runs one statement with bound parameters. MikroORM's `execute` would insert them into the text. */
export async function query<R>(
  db: Db,
  statement: string,
  values: readonly unknown[] = [],
): Promise<readonly R[]> {
  const text = qualified(statement, db.schema);
  return (await db.kysely.executeQuery<R>(CompiledQuery.raw(text, [...values]))).rows;
}
