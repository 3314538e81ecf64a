import { localHost } from '../fleet/decky.ts';
import { type JobResult, queueName } from '../fleet/job.ts';
import { countOf } from '../fleet/words.ts';
import { FleetError } from '../lib/errors.ts';
import { keepHeapSmall } from '../lib/heap.ts';
import type { Log } from '../lib/log.ts';
import { version } from '../lib/package.ts';
import type { ContainerLogs, LastLinesReader } from '../pass/last-lines.ts';
import type { Ledger } from '../pass/ledger.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { Check, Service } from '../service-manager/service.ts';
import type { HostWorker, HostWorkerOptions } from '../worker/host.ts';
import { untilMigrated, untilReachable } from '../worker/until-reachable.ts';
import { chooseStateFile, noStateFile } from './config.ts';
import { queueCheck } from './process-checks.ts';
import type { Stores } from './stores.ts';

export interface HostWorkerChoice extends Pick<HostWorkerOptions, 'onPass' | 'onFailure' | 'onlyDryRuns'> {
  readonly follows: boolean;
  readonly stateFile?: string;
  /** What reports its progress; null: nothing does. */
  readonly service?: Service | null;
}

/** Loads all modules that a worker needs. */
async function loadHostWorker() {
  const [files, watchFile, watchDocker, host, { endings }, { decnetMessages }, { containerLogs }] =
    await Promise.all([
      import('../state-file/read.ts'),
      import('../state-file/watch.ts'),
      import('../docker/events.ts'),
      import('../worker/host.ts'),
      import('../docker/endings.ts'),
      import('../worker/hearing.ts'),
      import('../docker/logs.ts'),
      import('../docker/engine.ts'),
      import('../docker/identity.ts'),
      import('../database/orm.ts'),
      import('../database/ledger/ledger.ts'),
      import('../queue/backend.ts'),
      import('../bus/open.ts'),
    ]);
  return { files, watchFile, watchDocker, host, endings, decnetMessages, containerLogs };
}

/** Starts the worker of this host. */
export async function openHostWorker(
  stores: Stores,
  { follows, stateFile: chosen, service = null, onPass, onFailure, onlyDryRuns }: HostWorkerChoice,
): Promise<HostWorker> {
  const { config, log } = stores;
  const stateFile = chosen ?? chooseStateFile(config);
  if (stateFile === null) throw noStateFile();
  const { files, watchFile, watchDocker, host, endings, decnetMessages, containerLogs } =
    await loadHostWorker();
  const [ledger, engine, machine, backend, bus, decnet] = await Promise.all([
    stores.ledger(),
    stores.engine(),
    stores.machine(),
    stores.queues(),
    stores.bus(),
    stores.decnet(),
  ]);
  // Before the worker is created: a BullMQ worker that begins with a refused connection takes long to recover.
  const ready = follows ? () => registered(stores, ledger, backend) : backend.check;
  const wait = follows ? untilMigrated : untilReachable;
  await wait(service?.waitingFor(ready) ?? ready, stores.isClosed, log);
  // The process was stopped in the meantime: a worker on a closed store would never end.
  if (stores.isClosed()) throw new FleetError('CHECK_FAILED', 'Stopped before the worker had started');
  const reader = files.stateFileReader(stateFile, config.host);
  const ends = endings();
  const messages = decnetMessages(bus, ends.byName);
  const logs = containerLogs(config.docker);
  if (follows && decnet !== null && config.host === localHost) await warnOfOwnReconciler(log);
  // After everything is loaded: the flags are part of the key of Node's compile cache.
  keepHeapSmall();
  const worker = stores.closing(
    host.startHostWorker({
      host: config.host,
      version,
      ports: {
        ...{ ledger, engine, machine, stateFile: reader, hearing: messages, bus, decnet },
        lastLines: await openLastLines(stores, ledger, logs),
        logs,
        spans: (await stores.telemetry())?.spans,
      },
      bus,
      messages,
      backend,
      graceSeconds: config.graceSeconds,
      rolloutSeconds: config.rolloutSeconds,
      intervalSeconds: config.intervalSeconds,
      log,
      watchers: follows
        ? { docker: watchDocker.watchEngine(config.docker, ends), file: watchFile.watchStateFile(reader) }
        : null,
      onPass,
      onFailure,
      onlyDryRuns,
      watched: service === null ? undefined : (run) => service.watched('pass', run, passText),
    }),
  );
  if (service !== null) void reportReady(service, worker, queueCheck(backend, queueName(config.host)));
  return worker;
}

/** A worker is ready when it consumes its queue. */
async function reportReady(service: Service, worker: HostWorker, check: Check): Promise<void> {
  const isReady = await worker.ready().then(
    () => true,
    // It was stopped before.
    () => false,
  );
  if (isReady) service.ready('Waiting for the first pass', check);
}

const passText = (result: JobResult): string => {
  const changes = result.inserted + result.deleted + result.state_updated + result.config_updated;
  const docker = result.docker === 'ok' ? '' : ', Docker does not answer';
  return `${changes === 0 ? 'no changes' : countOf(changes, 'change')}${docker}`;
};

/** Records the host in a database of this version, and checks its queue. */
async function registered(
  { config, database }: Stores,
  ledger: Ledger,
  backend: QueueBackend,
): Promise<void> {
  await (await database()).checkColumns();
  await ledger.register(config.host, config.intervalSeconds);
  await backend.check();
}

/** What reads the logs of containers that took a decky down; undefined: nobody asked for them. */
async function openLastLines(
  stores: Stores,
  ledger: Ledger,
  logs: ContainerLogs,
): Promise<LastLinesReader | undefined> {
  const { notifyLogLines } = stores.config;
  if (notifyLogLines === 0) return undefined;
  const { LastLinesReader } = await import('../pass/last-lines.ts');
  return stores.closing(new LastLinesReader(logs, ledger, notifyLogLines));
}

/** DECNET's own reconciler works only on the host `local`. */
async function warnOfOwnReconciler(log: Log): Promise<void> {
  const { ownReconcilers } = await import('./decnet-reconciler.ts');
  const [found] = await ownReconcilers();
  if (found === undefined) return;
  log.warn(
    { pid: found.pid },
    `DECNET's own reconciler also writes its table (${found.command}). To switch it off: docs/decnet-host.md, "One reconciler"`,
  );
}
