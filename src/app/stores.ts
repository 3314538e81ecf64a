import type { Database } from '../database/database.ts';
import type { DockerEngine } from '../docker/engine.ts';
import type { EmbeddedDatabase } from '../embedded-postgres/embedded.ts';
import { endsWithin } from '../lib/ends-within.ts';
import type { Log } from '../lib/log.ts';
import { version } from '../lib/package.ts';
import type { Bus } from '../pass/announce.ts';
import type { Ledger } from '../pass/ledger.ts';
import type { Machine } from '../pass/observe.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { Report } from '../views/report.ts';
import { type Config, dataDirOf, rootDataDir } from './config.ts';

/**
 * The connections of one process. Each is opened on first use, and all are closed in reverse order. Their packages are also
 * loaded on first use, so that a command loads only what it needs.
 */
export interface Stores {
  readonly config: Config;
  readonly log: Log;
  database(): Promise<Database>;
  /** The database without the migrations that `database` runs if it is embedded. */
  databaseAsItIs(): Promise<Database>;
  report(): Promise<Report>;
  ledger(): Promise<Ledger>;
  redis(): Promise<import('ioredis').Redis | null>;
  queues(): Promise<QueueBackend>;
  bus(): Promise<Bus>;
  engine(): Promise<DockerEngine>;
  machine(): Promise<Machine>;
  /** Registers something to close; it is closed before everything that was opened earlier. */
  closing<T extends { close(): Promise<void> }>(made: T): T;
  isClosed(): boolean;
  close(): Promise<void>;
}

const closeWithinMs = 9000; // for each

export function openStores(config: Config, log: Log): Stores {
  const closers: (() => Promise<void>)[] = [];
  let isClosed = false;
  const once = <T>(open: () => Promise<T>): (() => Promise<T>) => {
    let opened: Promise<T> | null = null;
    return () => (opened ??= open());
  };
  const closing: Stores['closing'] = (made) => {
    closers.push(() => made.close());
    return made;
  };

  const embedded = once(async (): Promise<EmbeddedDatabase> => {
    const dataDir = dataDirOf(config);
    const [{ openEmbedded }, { embeddedExists }] = await Promise.all([
      import('../embedded-postgres/embedded.ts'),
      import('../embedded-postgres/cluster.ts'),
    ]);
    if (config.usesUsualDataDir && !embeddedExists(dataDir) && embeddedExists(rootDataDir)) {
      log.warn(
        { here: dataDir, roots: rootDataDir },
        "this user has no database yet, but root has one; root's fleet is not shown here",
      );
    }
    return closing(await openEmbedded(dataDir));
  });
  const databaseUrl = async (): Promise<string> => config.databaseUrl ?? (await embedded()).url;
  const databaseAsItIs = once(async () => {
    const url = await databaseUrl();
    const { openDatabase } = await import('../database/orm.ts');
    return closing(await openDatabase(url));
  });
  const database = once(async () => {
    const opened = await databaseAsItIs();
    // No other program uses the embedded database, so it is always migrated to this version.
    if (config.databaseUrl === null) await opened.migrate();
    return opened;
  });
  const redis = once(async () => {
    if (config.redisUrl === null) return null;
    const connection = (await import('../queue/backend.ts')).openRedis(config.redisUrl);
    closers.push(async () => connection.disconnect());
    return connection;
  });
  const engine = once(async () => (await import('../docker/engine.ts')).dockerEngine(config.docker));

  return {
    config,
    log,
    database,
    databaseAsItIs,
    redis,
    engine,
    closing,
    report: once(async () => {
      const [opened, module] = await Promise.all([database(), import('../database/queries/report.ts')]);
      return module.report(opened.query, config.intervalSeconds, config.hosts);
    }),
    ledger: once(async () => {
      const [opened, { postgresLedger }] = await Promise.all([
        database(),
        import('../database/ledger/ledger.ts'),
      ]);
      return postgresLedger(opened, {
        version,
        historyDays: config.historyDays,
        intervalSeconds: config.intervalSeconds,
      });
    }),
    queues: once(async () => {
      const [url, shared, { queueBackend }] = await Promise.all([
        databaseUrl(),
        redis(),
        import('../queue/backend.ts'),
      ]);
      const backend = closing(
        queueBackend(
          { redis: shared, databaseUrl: url },
          {
            outage: (down, error) => {
              if (down) log.warn({ error }, 'the queues do not answer; retrying');
              else log.info('the queues answer again');
            },
          },
        ),
      );
      if (config.databaseUrl === null) await backend.prepare();
      return backend;
    }),
    bus: once(async () => {
      const [url, shared, { openBus }] = await Promise.all([
        databaseUrl(),
        redis(),
        import('../bus/open.ts'),
      ]);
      const { enabled, socket } = config.bus;
      return closing(
        openBus({ redis: shared, databaseUrl: url, decnet: enabled ? { path: socket } : null }, log),
      );
    }),
    machine: once(async () => {
      const [docker, { thisMachine }] = await Promise.all([engine(), import('../docker/identity.ts')]);
      return thisMachine(async () => (await docker.info()).id);
    }),
    isClosed: () => isClosed,
    close: async () => {
      isClosed = true;
      for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
        // A store that hangs must neither block the process nor prevent the other stores from being closed.
        await endsWithin(closeWithinMs, close()).catch((error: unknown) =>
          log.debug({ error }, 'closing failed'),
        );
      }
    },
  };
}
