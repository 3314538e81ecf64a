import { reconcileProcessor } from '../jobs/reconcile.ts';
import { type JobData, jobName, queueName } from './fleet/job.ts';
import type { Log } from './log.ts';
import type { PassOutcome, Ports } from './pass/pass.ts';
import type { QueueBackend } from './queue/backend.ts';

export interface HostWorkerOptions {
  readonly host: string;
  readonly ports: Ports;
  readonly backend: QueueBackend;
  /** Seconds. */
  readonly grace: number;
  readonly log: Log;
  /** Whether the worker looks at its host on its own: a full pass at its start, and again when a grace ends. */
  readonly follows: boolean;
  /** Told of every pass that had its turn. */
  readonly onPass?: (data: JobData, outcome: PassOutcome) => void;
  /** Told of every pass that failed, in one line. */
  readonly onFailure?: (reason: string) => void;
}

export interface HostWorker {
  /** Resolves when the worker takes jobs. */
  ready(): Promise<void>;
  /** Runs what waits on the queue, then resolves. */
  drain(): Promise<void>;
  /** Ends after the pass in progress. */
  close(): Promise<void>;
}

/** A worker's life: it serves the queue of one host, and that queue alone. */
export function startHostWorker(options: HostWorkerOptions): HostWorker {
  const { host, backend, log } = options;
  const queue = backend.queue(queueName(host));
  const revisits = revisitTimer((names) => void enqueue({ deckies: names, cause: 'schedule' }));
  const say = saysOnce(log);

  const process = reconcileProcessor({
    host,
    ports: options.ports,
    grace: options.grace,
    onPass: (data, outcome) => {
      say(outcome);
      if (options.follows && data.dry_run !== true) revisits.set(outcome.plan.revisit);
      options.onPass?.(data, outcome);
    },
  });
  const worker = backend.worker(queueName(host), process);
  worker.on('failed', (job, error) => {
    log.error({ host, job: job?.id, error }, 'pass failed');
    options.onFailure?.(error.message);
  });

  const enqueue = async (data: Omit<JobData, 'host_uuid'>): Promise<void> => {
    try {
      // The last one is kept while one runs: what changed meanwhile is looked at after it.
      const id = data.deckies === undefined ? 'start' : `deckies:${[...data.deckies].sort().join(',')}`;
      await queue.add(
        jobName,
        { host_uuid: host, ...data },
        { deduplication: { id, keepLastIfActive: true } },
      );
    } catch (error) {
      log.warn({ host, error }, 'a pass could not be enqueued');
    }
  };

  void worker.run().catch((error: unknown) => log.error({ host, error }, 'the worker stopped'));
  if (options.follows) void enqueue({ cause: 'start' });

  return {
    ready: async () => {
      await worker.waitUntilReady();
    },
    drain: async () => {
      while (true) {
        const counts = await queue.getJobCounts('waiting', 'active', 'prioritized');
        if (Object.values(counts).every((count) => count === 0) || (await queue.isPaused())) return;
        await new Promise((done) => setTimeout(done, 100));
      }
    },
    close: async () => {
      revisits.clear();
      await worker.close();
    },
  };
}

/** One timer for the deckies that must be looked at again at a known time. */
function revisitTimer(look: (names: readonly string[]) => void) {
  /** Epoch milliseconds. */
  let due = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  /** Deckies due within this time of each other share a pass. */
  const together = 1000;
  const arm = (): void => {
    clearTimeout(timer);
    if (due.size === 0) return;
    const first = Math.min(...due.values());
    timer = setTimeout(fire, Math.max(0, first - Date.now()) + together);
    timer.unref();
  };
  const fire = (): void => {
    const names = [...due].filter(([, at]) => at <= Date.now()).map(([name]) => name);
    for (const name of names) due.delete(name);
    if (names.length > 0) look(names);
    arm();
  };
  return {
    /** @param inMs name → milliseconds from now */
    set: (inMs: ReadonlyMap<string, number>) => {
      for (const [name, ms] of inMs) due.set(name, Date.now() + ms);
      arm();
    },
    clear: () => {
      clearTimeout(timer);
      due = new Map();
    },
  };
}

/** Logs a warning when it appears and when it is over, not with every pass. */
function saysOnce(log: Log): (outcome: PassOutcome) => void {
  let said: ReadonlySet<string> = new Set();
  return ({ result, warnings, moved }) => {
    for (const warning of warnings) if (!said.has(warning)) log.warn({ host: result.host_uuid }, warning);
    for (const warning of said)
      if (!warnings.includes(warning)) log.info({ host: result.host_uuid, warning }, 'over');
    said = new Set(warnings);
    if (moved.length > 0) {
      const { inserted, deleted, state_updated, config_updated, job_id } = result;
      log.info(
        { host: result.host_uuid, job: job_id, inserted, deleted, state_updated, config_updated },
        'pass changed the fleet',
      );
    }
  };
}
