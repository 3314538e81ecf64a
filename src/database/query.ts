import { CompiledQuery, type Kysely } from 'kysely';

/** A connection of MikroORM's, or the transaction that it is in. */
export type Db = Kysely<unknown>;

/** Runs one statement with real parameters: MikroORM's own `execute` would write them into its text. */
export async function query<R>(db: Db, statement: string, values: readonly unknown[]): Promise<readonly R[]> {
  return (await db.executeQuery<R>(CompiledQuery.raw(statement, [...values]))).rows;
}
