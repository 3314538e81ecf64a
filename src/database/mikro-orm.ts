import { MikroORM } from '@mikro-orm/postgresql';
import type { ClientBase } from 'pg';
import { applicationName } from '../lib/application-name.ts';
import { connectionOptions } from '../lib/database-address.ts';
import { entities } from './schema.ts';

/** The time limit of a statement in milliseconds, far more than the largest fleet needs. */
const answerWithinMs = 60_000;
/** Milliseconds after which an idle connection is closed. */
const idleAfterMs = 5000;

export interface PoolLimits {
  readonly poolMax: number;
  /** The time limit for a connection in milliseconds. */
  readonly connectWithinMs: number;
}

/** Opens MikroORM. @param onConnect called with each new connection */
export const openOrm = (
  url: string,
  { poolMax, connectWithinMs }: PoolLimits,
  onConnect: (client: ClientBase) => Promise<void>,
): Promise<MikroORM> => {
  const options = connectionOptions(url, { applicationName });
  return MikroORM.init({
    // Do not set `clientUrl`: MikroORM uses only host, port, user, password and name of it.
    dbName: options.database ?? '',
    entities,
    // Only migrations manage the policies, and the tables that are used only by functions and locks.
    schemaGenerator: {
      skipTables: [
        'fleet_grants',
        'fleet_masters',
        'fleet_locks',
        'fleet_limits',
        'fleet_heartbeat',
        'fleet_migrations',
      ],
      ignorePolicies: true,
    },
    // stdout is reserved for the output of commands.
    logger: () => undefined,
    pool: { min: 0, max: poolMax, idleTimeoutMillis: idleAfterMs },
    driverOptions: {
      ...options,
      connectionTimeoutMillis: connectWithinMs,
      query_timeout: answerWithinMs,
      keepAlive: true,
      allowExitOnIdle: true,
      onConnect,
    },
    ensureDatabase: false,
  });
};
