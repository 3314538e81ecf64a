import type { Ended } from '../fleet/grant.ts';
import type { Log } from '../lib/log.ts';
import { webhookVariable } from '../notify/addresses.ts';
import type { Service } from '../service-manager/service.ts';
import type { HeartbeatView } from '../views/heartbeat.ts';
import type { UndeliveredView } from '../views/undelivered.ts';
import type { Dashboard } from '../web/server.ts';
import type { HostWorker } from '../worker/host.ts';
import type { Config } from './config.ts';
import { openDashboard } from './dashboard.ts';
import { openScheduler } from './scheduler.ts';
import { openStores, type Stores } from './stores.ts';
import { type HostWorkerChoice, openHostWorker } from './worker.ts';

/** One process: its connections, and the roles that it can start. */
export interface App
  extends Omit<Stores, 'closing' | 'isClosed' | 'machine' | 'redis' | 'decnet' | 'notifier'> {
  /** Whether a worker of this host is running. */
  isWorkerRunning(host: string): Promise<boolean>;
  /**
   * Starts the worker of this host.
   * @param options.follows whether it makes a first pass, follows events and obeys the stop message; otherwise it only serves
   * its queue
   * @param options.stateFile overrides the configured path
   */
  hostWorker(options: HostWorkerChoice): Promise<HostWorker>;
  scheduler(service?: Service | null): Promise<{ close(): Promise<void> }>;
  /** The heartbeat to the outside; null: not configured. */
  heartbeat(): Promise<HeartbeatView | null>;
  /** What waits for each receiver of notifications. */
  undelivered(): Promise<readonly UndeliveredView[]>;
  /** Starts the dashboard. @throws FleetError CONFIG_INVALID */
  dashboard(listen: { host: string; port: number }, service?: Service | null): Promise<Dashboard>;
  /** Revokes the access of a host's worker in PostgreSQL and Redis. */
  revoke(host: string): Promise<readonly Ended[]>;
  /** Records this machine as the machine of this host. */
  takeOver(): Promise<void>;
}

export function openApp(config: Config, log: Log): App {
  const stores = openStores(config, log);
  return {
    ...stores,
    isWorkerRunning: async (host) => {
      const [backend, request] = await Promise.all([stores.queues(), import('../queue/request.ts')]);
      return request.isWorkerRunning(backend, host);
    },
    hostWorker: (choice) => openHostWorker(stores, choice),
    scheduler: (service = null) => openScheduler(stores, service),
    heartbeat: async () => {
      const [{ query }, { heartbeatView }] = await Promise.all([
        stores.database(),
        import('../database/heartbeat.ts'),
      ]);
      return heartbeatView(query);
    },
    undelivered: async () => {
      const [{ query }, { undeliveredView }] = await Promise.all([
        stores.database(),
        import('../database/undelivered.ts'),
      ]);
      return undeliveredView(query, config.receivers, webhookVariable);
    },
    dashboard: (listen, service = null) => openDashboard(stores, listen, service),
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
