import { reconcileProcessor } from '../../jobs/reconcile.ts';
import { type Cause, type JobData, jobName, queueName } from '../fleet/job.ts';
import { controlTopic, controlVerdict, healthTopic } from '../fleet/topics.ts';
import { endsWithin } from '../lib/ends-within.ts';
import type { Log } from '../lib/log.ts';
import type { Bus } from '../pass/announce.ts';
import type { PassOutcome, Ports } from '../pass/pass.ts';
import type { QueueBackend } from '../queue/backend.ts';
import { coalescer } from './coalescer.ts';
import { hostLog } from './host-log.ts';
import { requeueTimer } from './requeue.ts';
import { scheduleWatch } from './schedule-watch.ts';
import type { TriggerCause, Watcher, Watching } from './triggers.ts';

/** Milliseconds between two signs of life. @see DOMAIN.md, "The bus" */
const heartbeatEveryMs = 30_000;
/** Milliseconds for what is followed to answer; a hung engine must not keep the first pass waiting. */
const followWithinMs = 2000;
/** Milliseconds for the pass in progress to end. */
const endWithinMs = 8000;

export interface HostWorkerOptions {
  readonly host: string;
  readonly version: string;
  readonly ports: Ports;
  readonly bus: Bus;
  readonly backend: QueueBackend;
  /** Seconds. */
  readonly graceSeconds: number;
  /** Seconds between two scheduled passes. */
  readonly intervalSeconds: number;
  readonly log: Log;
  /** What tells when to look again; null for a worker that only drains its queue. */
  readonly watchers: Readonly<Record<TriggerCause, Watcher>> | null;
  /** Called after every pass that was applied. */
  readonly onPass?: ((data: JobData, outcome: PassOutcome) => void) | undefined;
  /** Told of every pass that failed, in one line. */
  readonly onFailure?: ((reason: string) => void) | undefined;
}

export interface HostWorker {
  /** Resolves when the worker takes jobs. */
  ready(): Promise<void>;
  /** Runs what waits on the queue, then resolves. */
  drain(): Promise<void>;
  /** Resolves when somebody asked this host's worker to stop, by a message. */
  readonly asked: Promise<void>;
  /** Ends after the pass in progress, or without it when that takes too long: its job is then run again. */
  close(): Promise<void>;
}

/** More than a host's queue is given in an interval, unless it is a very busy one. */
const recentJobs = 49;

/** A worker's life: it serves the queue of one host, and that queue alone. */
export function startHostWorker(options: HostWorkerOptions): HostWorker {
  const { host, backend, log } = options;
  const queue = backend.queue(queueName(host));
  const say = hostLog(host, log);

  const enqueue = async (
    data: { deckies?: readonly string[]; cause: Cause },
    more: { jobId?: string; deduplication?: { id: string; keepLastIfActive?: boolean } } = {},
  ): Promise<string | undefined> => {
    const job = await queue.add(jobName, { host_uuid: host, ...data }, more);
    return job.id;
  };
  const coalesced = coalescer((deckies, cause) => enqueue({ ...(deckies && { deckies }), cause }));
  const requeues = requeueTimer((deckies) =>
    coalesced.trigger({ kind: 'deckies', names: new Set(deckies) }, 'docker'),
  );
  const schedule =
    options.watchers === null
      ? null
      : scheduleWatch(options, {
          recentIds: async () =>
            (await queue.getJobs(['active', 'completed', 'failed'], 0, recentJobs)).flatMap((job) =>
              job?.data?.cause === 'schedule' && job.id !== undefined ? [job.id] : [],
            ),
          enqueue: async (jobId) => {
            // Version 0.1 enqueued passes ahead: one for tomorrow, by a wrong clock, stands in the way of all before it.
            const delayed = await queue.getDelayed();
            for (const job of delayed.filter(({ data }) => data?.cause === 'schedule')) await job.remove();
            await enqueue({ cause: 'schedule' }, { deduplication: { id: 'schedule' }, jobId });
          },
        });

  /** Ids of jobs that looked and wrote; they may fail all the same. */
  const wasApplied = new Set<string>();
  const worker = backend.worker(
    queueName(host),
    reconcileProcessor({
      host,
      ports: options.ports,
      graceSeconds: options.graceSeconds,
      onPass: (data, outcome) => {
        say.passed(outcome);
        wasApplied.add(outcome.result.job_id);
        if (options.watchers !== null && data.dry_run !== true) {
          requeues.set(outcome.plan.requeueAfter);
          if (outcome.names !== null) coalesced.knows(outcome.names);
        }
        options.onPass?.(data, outcome);
      },
    }),
  );
  worker.on('active', ({ id, data }) => schedule?.saw(id, data));
  const ended = (id = ''): void => {
    coalesced.ended(id, wasApplied.has(id));
    wasApplied.delete(id);
  };
  worker.on('completed', ({ id }) => ended(id));
  worker.on('failed', (job, error) => {
    ended(job?.id);
    say.failed(error.message);
    options.onFailure?.(error.message);
  });
  void worker.run().catch((error: unknown) => log.error({ host, error }, 'the worker stopped'));

  const following = options.watchers === null ? [] : follow(options, options.watchers, coalesced.trigger);
  let stop: () => void = () => undefined;
  const asked = new Promise<void>((done) => {
    stop = done;
  });
  if (options.watchers !== null) {
    // Followed first, then looked at: what happens in between is not missed.
    const followed = endsWithin(followWithinMs, Promise.all(following.map(({ ready }) => ready)));
    void followed
      .then(() => enqueue({ cause: 'start' }, { deduplication: { id: 'start', keepLastIfActive: true } }))
      .catch(() => coalesced.trigger({ kind: 'everything' }, 'docker'));
    // What happened while the store was away could not be enqueued, or its pass failed.
    backend.onRecovered(() => coalesced.trigger({ kind: 'everything' }, 'docker'));
    options.bus.subscribe(controlTopic, (payload, scope) => {
      const verdict = controlVerdict(payload, host, scope);
      if (verdict === 'stop') stop();
      if (verdict === 'names no host') log.warn({ host }, 'a control message without host_uuid is ignored');
    });
  }
  const heartbeat = options.watchers === null ? null : startHeartbeat(options);

  return {
    asked,
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
      clearInterval(heartbeat ?? undefined);
      schedule?.close();
      requeues.clear();
      coalesced.clear();
      await Promise.all(following.map((one) => one.close()));
      await endsWithin(endWithinMs, worker.close());
    },
  };
}

function follow(
  { host, log }: HostWorkerOptions,
  watchers: Readonly<Record<TriggerCause, Watcher>>,
  trigger: ReturnType<typeof coalescer>['trigger'],
): readonly Watching[] {
  let isTold = false;
  return (['docker', 'file'] as const).map((cause) =>
    watchers[cause].start(
      (where) => trigger(where, cause),
      (error) => {
        // Docker that is down is warned about by the passes; that a file cannot be watched, by nothing else.
        const isNew = cause === 'file' && !isTold;
        isTold ||= isNew;
        if (isNew) log.warn({ host, error }, 'the state file cannot be watched: it is looked at every 5 s');
        else log.debug({ host, cause, error }, 'cannot watch for changes; retrying');
      },
    ),
  );
}

/** A sign of life at start and every 30 s. */
function startHeartbeat({ host, version, intervalSeconds, bus }: HostWorkerOptions): NodeJS.Timeout {
  const beat = (): void => {
    const payload = {
      worker: 'reconciler',
      ts: Date.now() / 1000,
      host_uuid: host,
      version,
      interval_s: intervalSeconds,
    };
    bus.publish([{ topic: healthTopic, type: 'health', payload }]);
  };
  beat();
  return setInterval(beat, heartbeatEveryMs);
}
