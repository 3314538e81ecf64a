import type { Database } from '../database/database.ts';
import type { Query } from '../database/query.ts';
import type { DockerEngine } from '../docker/engine.ts';
import type { EmbeddedDatabase } from '../embedded-postgres/embedded.ts';
import type { Ended } from '../fleet/grant.ts';
import { type JobData, scheduleQueue } from '../fleet/job.ts';
import type { ScheduledHost } from '../fleet/slots.ts';
import { endsWithin } from '../lib/ends-within.ts';
import { FleetError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { version } from '../lib/package.ts';
import type { Bus } from '../pass/announce.ts';
import type { Ledger } from '../pass/ledger.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { Report } from '../views/report.ts';
import type { Views } from '../web/ports.ts';
import type { Dashboard } from '../web/server.ts';
import { keepHeapSmall } from '../worker/heap.ts';
import type { HostWorker, HostWorkerOptions } from '../worker/host.ts';
import { untilReachable } from '../worker/until-reachable.ts';
import { type Config, chooseStateFile, dataDirOf, noStateFile, rootDataDir } from './config.ts';

export interface HostWorkerChoice extends Pick<HostWorkerOptions, 'onPass' | 'onFailure'> {
  readonly follows: boolean;
  readonly stateFile?: string;
}

/**
 * The neighbours of one process, each opened when it is first asked for, and closed in reverse. Their packages are
 * loaded then, too: a command does not pay for what it does not use.
 */
export interface Fleet {
  readonly config: Config;
  readonly log: Log;
  database(): Promise<Database>;
  /** Without the migrations that `database` runs where it is embedded. */
  databaseAsItIs(): Promise<Database>;
  report(): Promise<Report>;
  ledger(): Promise<Ledger>;
  queues(): Promise<QueueBackend>;
  /** Whether a worker lives that consumes this host's queue. */
  workerLives(host: string): Promise<boolean>;
  engine(): Promise<DockerEngine>;
  bus(): Promise<Bus>;
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
  close(): Promise<void>;
}

/** Loads everything that a worker of a host needs. */
export async function loadHostWorker() {
  const [files, watchFile, watchDocker, host] = await Promise.all([
    import('../state-file/read.ts'),
    import('../state-file/watch.ts'),
    import('../docker/events.ts'),
    import('../worker/host.ts'),
    import('../docker/engine.ts'),
    import('../docker/identity.ts'),
    import('../database/orm.ts'),
    import('../database/ledger/ledger.ts'),
    import('../queue/backend.ts'),
    import('../bus/open.ts'),
  ]);
  return { files, watchFile, watchDocker, host };
}

const closeWithin = 9000; // milliseconds, for each neighbour

export function openFleet(config: Config, log: Log): Fleet {
  const closers: (() => Promise<void>)[] = [];
  let isClosed = false;
  const once = <T>(open: () => Promise<T>): (() => Promise<T>) => {
    let opened: Promise<T> | null = null;
    return () => (opened ??= open());
  };
  const closing = <T extends { close(): Promise<void> }>(made: T): T => {
    closers.push(() => made.close());
    return made;
  };

  const embedded = once(async (): Promise<EmbeddedDatabase> => {
    const dataDir = dataDirOf(config);
    const { embeddedExists, openEmbedded } = await import('../embedded-postgres/embedded.ts');
    if (config.usesUsualDataDir && !embeddedExists(dataDir) && embeddedExists(rootDataDir)) {
      log.warn(
        { here: dataDir, roots: rootDataDir },
        "this user has no database yet, while root has one: root's fleet is not shown here",
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
    // The embedded database is nobody else's: it is always at this version's schema.
    if (config.databaseUrl === null) await opened.migrate();
    return opened;
  });
  const ledger = once(async () => {
    const [opened, { postgresLedger }] = await Promise.all([
      database(),
      import('../database/ledger/ledger.ts'),
    ]);
    return postgresLedger(opened, { version, historyDays: config.historyDays, interval: config.interval });
  });
  const report = once(async () => {
    const [opened, module] = await Promise.all([database(), import('../database/queries/report.ts')]);
    return module.report(opened.query, config.interval, config.hosts);
  });
  const redis = once(async () => {
    if (config.redisUrl === null) return null;
    const connection = (await import('../queue/backend.ts')).openRedis(config.redisUrl);
    closers.push(async () => connection.disconnect());
    return connection;
  });
  const queues = once(async () => {
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
            if (down) log.warn({ error }, 'the queues do not answer; trying again');
            else log.info('the queues answer again');
          },
        },
      ),
    );
    if (config.databaseUrl === null) await backend.prepare();
    return backend;
  });
  const bus = once(async () => {
    const [url, shared, { openBus }] = await Promise.all([databaseUrl(), redis(), import('../bus/open.ts')]);
    const { enabled, socket } = config.bus;
    return closing(
      openBus({ redis: shared, databaseUrl: url, decnet: enabled ? { path: socket } : null }, log),
    );
  });
  const engine = once(async () => (await import('../docker/engine.ts')).dockerEngine(config.docker));
  const machine = once(async () => {
    const [docker, { thisMachine }] = await Promise.all([engine(), import('../docker/identity.ts')]);
    return thisMachine(async () => (await docker.info()).id);
  });

  const hostWorker: Fleet['hostWorker'] = async ({ follows, stateFile: chosen, onPass, onFailure }) => {
    const stateFile = chosen ?? chooseStateFile(config);
    if (stateFile === null) throw noStateFile();
    const { files, watchFile, watchDocker, host } = await loadHostWorker();
    const [opened, docker, self, backend, messages] = await Promise.all([
      ledger(),
      engine(),
      machine(),
      queues(),
      bus(),
    ]);
    // Before a worker is made: one that was made on a store that refuses it takes long to recover.
    const ready = follows
      ? () => opened.register(config.host, config.interval).then(backend.check)
      : backend.check;
    await untilReachable(ready, () => isClosed, log);
    // Stopped while it was opened: a worker on a store that is closed would never end.
    if (isClosed) throw new FleetError('CHECK_FAILED', 'Stopped before the worker had started');
    const reader = files.stateFileReader(stateFile, config.host);
    // Not before everything is loaded: Node's compile cache is that of other flags.
    keepHeapSmall();
    return closing(
      host.startHostWorker({
        host: config.host,
        version,
        ports: { ledger: opened, engine: docker, machine: self, stateFile: reader, bus: messages },
        bus: messages,
        backend,
        grace: config.grace,
        interval: config.interval,
        log,
        watchers: follows
          ? { docker: watchDocker.watchEngine(config.docker), file: watchFile.watchStateFile(reader) }
          : null,
        onPass,
        onFailure,
      }),
    );
  };

  const notifier = async (): Promise<void> => {
    const [opened, { postgresOutbox }, { startNotifier }] = await Promise.all([
      database(),
      import('../database/outbox.ts'),
      import('../notify/notifier.ts'),
    ]);
    const { interval, grace, webhookUrl, publicUrl } = config;
    closing(startNotifier(postgresOutbox(opened, { interval, grace }), { webhookUrl, publicUrl, log }));
  };

  const hosts = async (only?: readonly string[]): Promise<readonly ScheduledHost[]> => {
    const known = new Map(config.hosts.map((host) => [host, config.interval]));
    for (const { host_uuid, interval_s } of await (await report()).intervals(only))
      known.set(host_uuid, interval_s);
    return [...known].map(([host, seconds]) => ({ host, interval: seconds * 1000 }));
  };

  return {
    config,
    log,
    database,
    databaseAsItIs,
    report,
    ledger,
    queues,
    workerLives: async (host) => {
      const [backend, request] = await Promise.all([queues(), import('../queue/request.ts')]);
      return request.workerLives(backend, host);
    },
    engine,
    bus,
    hostWorker,
    scheduler: async () => {
      const [backend, { startScheduler }] = await Promise.all([queues(), import('../queue/schedule.ts')]);
      await untilReachable(backend.check, () => isClosed, log);
      await notifier();
      return closing(
        startScheduler(backend, {
          hosts,
          interval: config.interval * 1000,
          onError: (error) =>
            log.warn({ error }, error === null ? 'the schedule works' : 'the schedule failed'),
        }),
      );
    },
    dashboard: async ({ host, port }) => {
      const [opened, backend, web, { pages }, { report }, request, { metricsSource }] = await Promise.all([
        database(),
        queues(),
        import('../web/server.ts'),
        import('../database/queries/pages.ts'),
        import('../database/queries/report.ts'),
        import('../queue/request.ts'),
        import('../database/queries/figures.ts'),
      ]);
      const figures = metricsSource(opened.query, config.interval, config.hosts);
      const viewsOf = (query: Query): Views => ({
        report: report(query, config.interval, config.hosts),
        pages: pages(query, config.interval),
      });
      const views = viewsOf(opened.query);
      const ports = {
        ...views,
        snapshot: <T>(work: (views: Views) => Promise<T>) => opened.snapshot((query) => work(viewsOf(query))),
        queues: backend,
        request: (data: JobData, timeout: number) =>
          request.requestPass(backend, data, timeout, { forget: true }),
        workerLives: (name: string) => request.workerLives(backend, name),
        hostFigures: figures.hosts,
        countSchedulers: () => backend.countWorkers(scheduleQueue),
        log,
      };
      const { login: credentials, publicUrl, dashboardHosts: names } = config;
      const place = { host, port, credentials, publicUrl, names };
      return closing(await web.startDashboard(ports, place));
    },
    revoke: async (host) => {
      const [opened, shared] = await Promise.all([database(), redis()]);
      const roles = await (await import('../database/revoke.ts')).revokeRoles(opened, host);
      if (shared === null) return roles;
      return [...roles, ...(await (await import('../queue/revoke.ts')).revokeUsers(shared, host))];
    },
    takeOver: async () => {
      const identity = await (await machine()).identity();
      if (identity !== null) await (await ledger()).takeOver(config.host, identity);
    },
    close: async () => {
      isClosed = true;
      for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
        // A store that hangs must not keep the process from ending, nor end it before the others are closed.
        await endsWithin(closeWithin, close()).catch((error: unknown) =>
          log.debug({ error }, 'closing failed'),
        );
      }
    },
  };
}
