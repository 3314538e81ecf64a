import type { Redis } from 'ioredis';
import type { DockerEngine } from '../docker/engine.ts';
import type { Log } from '../lib/log.ts';
import { once } from '../lib/once.ts';
import { version } from '../lib/package.ts';
import type { Bus } from '../pass/announce.ts';
import type { DecnetSync } from '../pass/decnet-sync.ts';
import type { DecnetTable } from '../pass/decnet-table.ts';
import type { Ledger } from '../pass/ledger.ts';
import type { Machine } from '../pass/observe.ts';
import type { Pauses } from '../pass/pauses.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { Service } from '../service-manager/service.ts';
import type { Audit } from '../views/audit.ts';
import type { Report } from '../views/report.ts';
import type { Silences } from '../views/silences.ts';
import { type CloseList, closeList } from './close-list.ts';
import type { Config } from './config.ts';
import { type DatabaseAccess, databaseAccess } from './open-database.ts';
import type { Telemetry } from './telemetry.ts';

/**
 * The connections of one process. Each is opened on first use, and all are closed in reverse order. Their packages are also
 * loaded on first use, so that a command loads only what it needs.
 */
export interface Stores extends CloseList, Omit<DatabaseAccess, 'url'> {
  readonly config: Config;
  readonly log: Log;
  report(): Promise<Report>;
  silences(): Promise<Silences>;
  /** The record of what people did. */
  audit(): Promise<Audit>;
  ledger(): Promise<Ledger>;
  /** The record of paused hosts. */
  pauses(): Promise<Pauses>;
  redis(): Promise<Redis | null>;
  queues(): Promise<QueueBackend>;
  bus(): Promise<Bus>;
  engine(): Promise<DockerEngine>;
  machine(): Promise<Machine>;
  /** DECNET's own table; null: it is not kept. */
  decnetTable(): Promise<DecnetTable | null>;
  /** What keeps it. */
  decnet(): Promise<DecnetSync | null>;
  /** The traces of this process; null: none are recorded. */
  telemetry(): Promise<Telemetry | null>;
  /** Starts the notifier of this process, once. */
  notifier(): Promise<void>;
  /** What reports to the service manager; null: there is none. */
  service(): Promise<Service | null>;
}

export function openStores(config: Config, log: Log): Stores {
  const opened = closeList(log);
  const { url, database, databaseAsItIs } = databaseAccess(config, log, opened);
  const redis = once(async () => {
    if (config.redisUrl === null) return null;
    const connection = (await import('../queue/redis.ts')).openRedis(config.redisUrl, config.redisTls);
    opened.closing({ close: async () => connection.disconnect() });
    return connection;
  });
  const decnetTable = once(async () => {
    if (config.decnetDatabaseUrl === null) return null;
    const { openDecnetTable } = await import('../decnet-table/open.ts');
    return opened.closing(openDecnetTable(config.decnetDatabaseUrl));
  });
  const engine = once(async () =>
    (await import('../docker/engine.ts')).dockerEngine(config.docker, {}, config.checksPorts),
  );
  const telemetry = once(async () =>
    config.traces === null
      ? null
      : opened.closing(await (await import('./telemetry.ts')).openTelemetry(config.traces)),
  );
  const messages = messagesThrough({ url, redis, telemetry }, { config, log, closing: opened.closing });
  return {
    ...opened,
    config,
    log,
    database,
    databaseAsItIs,
    redis,
    telemetry,
    engine,
    ...recordsIn(database, config),
    ...messages,
    decnetTable,
    decnet: once(async () => {
      const [table, { DecnetSync }] = await Promise.all([decnetTable(), import('../pass/decnet-sync.ts')]);
      return table === null ? null : opened.closing(new DecnetSync(table, config.host));
    }),
    notifier: once(async () =>
      (await import('./notifier.ts')).openNotifier({
        database,
        queues: messages.queues,
        closing: opened.closing,
        config,
        log,
      }),
    ),
    service: once(async () => {
      if (config.serviceManager === null) return null;
      const { startService } = await import('../service-manager/service.ts');
      return opened.closing(startService(config.serviceManager, log));
    }),
    machine: once(async () => {
      const [docker, { thisMachine }] = await Promise.all([engine(), import('../docker/identity.ts')]);
      return thisMachine(async () => (await docker.info()).id);
    }),
  };
}

/** What reads and writes the fleet's tables. */
const recordsIn = (
  database: Stores['database'],
  config: Config,
): Pick<Stores, 'report' | 'silences' | 'audit' | 'ledger' | 'pauses'> => ({
  report: once(async () => {
    const [{ query }, { report }] = await Promise.all([database(), import('../database/queries/report.ts')]);
    return report(query, config.intervalSeconds, config.hosts);
  }),
  silences: once(async () => {
    const [{ query }, { silenceStore }] = await Promise.all([database(), import('../database/silences.ts')]);
    return silenceStore(query);
  }),
  audit: once(async () => {
    const [{ query }, { auditStore }] = await Promise.all([database(), import('../database/audit.ts')]);
    return auditStore(query);
  }),
  ledger: once(async () => {
    const [opened, { postgresLedger }] = await Promise.all([
      database(),
      import('../database/ledger/ledger.ts'),
    ]);
    const { historyDays, intervalSeconds } = config;
    return postgresLedger(opened, { version, historyDays, intervalSeconds });
  }),
  pauses: once(async () => {
    const [{ query }, { postgresPauses }] = await Promise.all([database(), import('../database/pauses.ts')]);
    return postgresPauses(query);
  }),
});

/** What connects processes: in Redis if it is configured, otherwise in the database. */
const messagesThrough = (
  { url, redis, telemetry }: Pick<DatabaseAccess, 'url'> & Pick<Stores, 'redis' | 'telemetry'>,
  { config, log, closing }: Pick<Stores, 'config' | 'log' | 'closing'>,
): Pick<Stores, 'queues' | 'bus'> => ({
  queues: once(async () => {
    const [databaseUrl, shared, traces, { queueBackend }] = await Promise.all([
      url(),
      redis(),
      telemetry(),
      import('../queue/backend.ts'),
    ]);
    const outage = (down: boolean, error?: unknown): void => {
      if (down) log.warn({ error }, 'the queues do not answer; retrying');
      else log.info('the queues answer again');
    };
    const backend = closing(queueBackend({ redis: shared, databaseUrl }, { outage }, traces?.queues));
    if (config.databaseUrl === null) await backend.prepare();
    return backend;
  }),
  bus: once(async () => {
    const [databaseUrl, shared, { openBus }] = await Promise.all([url(), redis(), import('../bus/open.ts')]);
    const { enabled, socket } = config.bus;
    return closing(openBus({ redis: shared, databaseUrl, decnet: enabled ? { path: socket } : null }, log));
  }),
});
