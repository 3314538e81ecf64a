import type { MikroORM } from '@mikro-orm/postgresql';
import type { Kysely } from 'kysely';
import { databaseFault } from '../lib/database-faults.ts';
import type { Connections } from './connection.ts';
import type { Database } from './database.ts';
import { type Db, query } from './query.ts';

/** Runs statements and transactions, and converts their errors into errors for users. */
export class Transactions {
  readonly #orm: MikroORM;
  readonly #connections: Connections;
  readonly #location: string;
  readonly #underway = new Set<Promise<unknown>>();

  /** @param location the address of the database, for messages */
  constructor(orm: MikroORM, connections: Connections, location: string) {
    this.#orm = orm;
    this.#connections = connections;
    this.#location = location;
  }

  readonly query: Database['query'] = <R>(statement: string, values: readonly unknown[] = []) =>
    this.#run(async () => {
      const schema = await this.#schema();
      if (this.#connections.pooled) return this.transaction((db) => query<R>(db, statement, values));
      return query<R>({ kysely: this.#kysely(), schema }, statement, values);
    });

  readonly transaction: Database['transaction'] = (work, { readOnly = false, snapshot = false } = {}) =>
    this.#run(async () => {
      const schema = await this.#schema();
      // Use Kysely's transaction: MikroORM's never releases its connection when the connection is lost before the end.
      let transacting = this.#kysely().transaction();
      if (readOnly) transacting = transacting.setAccessMode('read only');
      if (snapshot) transacting = transacting.setIsolationLevel('repeatable read');
      const faults: unknown[] = [];
      try {
        return await transacting.execute(async (kysely) => {
          try {
            return await this.#inPath({ kysely, schema }, work);
          } catch (error) {
            faults.push(error);
            throw error;
          }
        });
      } catch (error) {
        // On a lost connection the rollback fails, too, and its error would hide the cause.
        throw faults.length > 0 ? faults[0] : error;
      }
    });

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#underway.size > 0) await Promise.allSettled(this.#underway);
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    this.#underway.add(running);
    try {
      return await running;
    } catch (error) {
      throw databaseFault(error, this.#location);
    } finally {
      this.#underway.delete(running);
    }
  }

  /** The schema of the tables, which the first connection finds. */
  async #schema(): Promise<string> {
    if (this.#connections.schema === null) await this.#orm.em.getConnection().execute('select');
    return this.#connections.schema ?? 'public';
  }

  #kysely(): Kysely<unknown> {
    return this.#orm.em.fork().getKysely() as unknown as Kysely<unknown>;
  }

  /** Sets the search path if the connection may be another session's. */
  async #inPath<T>(db: Db, work: (db: Db) => Promise<T>): Promise<T> {
    const { pooled, path } = this.#connections;
    if (pooled) await query(db, `set local search_path to ${path}`);
    return work(db);
  }
}
