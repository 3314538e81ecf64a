import type { Ended } from '../fleet/grant.ts';
import type { Log } from '../lib/log.ts';
import type { Dashboard } from '../web/server.ts';
import type { HostWorker } from '../worker/host.ts';
import type { Config } from './config.ts';
import { openDashboard } from './dashboard.ts';
import { openScheduler } from './scheduler.ts';
import { openStores, type Stores } from './stores.ts';
import { type HostWorkerChoice, openHostWorker } from './worker.ts';

/** One process: what it is connected to, and the roles that it can take. */
export interface App extends Omit<Stores, 'closing' | 'isClosed' | 'machine' | 'redis'> {
  /** Whether a worker of this host is running. */
  workerLives(host: string): Promise<boolean>;
  /**
   * A worker of this host.
   * @param options.follows whether it looks at its host by itself: at its start, after events, and when asked to stop
   * @param options.stateFile instead of the configured one
   */
  hostWorker(options: HostWorkerChoice): Promise<HostWorker>;
  scheduler(): Promise<{ close(): Promise<void> }>;
  /** The web pages. @throws FleetError CONFIG_INVALID */
  dashboard(place: { host: string; port: number }): Promise<Dashboard>;
  /** Ends what was granted to a host's worker, in PostgreSQL and in Redis. */
  revoke(host: string): Promise<readonly Ended[]>;
  /** From now on this host is this machine. */
  takeOver(): Promise<void>;
}

export function openApp(config: Config, log: Log): App {
  const stores = openStores(config, log);
  return {
    ...stores,
    workerLives: async (host) => {
      const [backend, request] = await Promise.all([stores.queues(), import('../queue/request.ts')]);
      return request.workerLives(backend, host);
    },
    hostWorker: (choice) => openHostWorker(stores, choice),
    scheduler: () => openScheduler(stores),
    dashboard: (place) => openDashboard(stores, place),
    revoke: async (host) => {
      const [opened, shared] = await Promise.all([stores.database(), stores.redis()]);
      const roles = await (await import('../database/revoke.ts')).revokeRoles(opened, host);
      if (shared === null) return roles;
      return [...roles, ...(await (await import('../queue/revoke.ts')).revokeUsers(shared, host))];
    },
    takeOver: async () => {
      const identity = await (await stores.machine()).identity();
      if (identity !== null) await (await stores.ledger()).takeOver(config.host, identity);
    },
  };
}
