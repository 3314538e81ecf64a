import { databaseLocation } from '../lib/database-address.ts';
import { checkColumns } from './columns.ts';
import { type Connections, prepare, safestPath } from './connection.ts';
import type { Database } from './database.ts';
import { migrate, migrationRecord } from './migrate.ts';
import { openOrm, type PoolLimits } from './mikro-orm.ts';
import { query } from './query.ts';
import { Transactions } from './transactions.ts';

const unknownConnections = (): Connections => ({ schema: null, path: safestPath, pooled: false });

const usualLimits: PoolLimits = { poolMax: 4, connectWithinMs: 5000 };

/** Opens a database. It connects on the first query. @param more limits that differ from the usual ones */
export async function openDatabase(url: string, more: Partial<PoolLimits> = {}): Promise<Database> {
  const connections = unknownConnections();
  const limits = { ...usualLimits, ...more };
  const orm = await openOrm(url, limits, (client) => prepare(client, connections));
  const transactions = new Transactions(orm, connections, databaseLocation(url));
  const { transaction } = transactions;
  return {
    orm,
    url,
    transaction,
    query: transactions.query,
    snapshot: (work) =>
      transaction((db) => work((statement, values) => query(db, statement, values)), {
        readOnly: true,
        snapshot: true,
      }),
    migrations: () => migrationRecord(transaction),
    checkColumns: () => checkColumns(orm, transaction, databaseLocation(url)),
    migrate: ({ upTo } = {}) => migrate({ url, transaction }, limits, connections, upTo),
    close: async () => {
      // Wait first: Kysely never releases a connection that it acquires while closing, and then its pool never ends.
      await transactions.idle();
      await orm.close(true);
    },
  };
}
