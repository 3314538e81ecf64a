import type { JobData } from '../fleet/job.ts';
import { endsWithin } from '../lib/ends-within.ts';
import { once } from '../lib/once.ts';
import type { Bus } from '../pass/announce.ts';
import type { PassOutcome } from '../pass/pass.ts';
import type { QueueBackend } from '../queue/backend.ts';
import { coalescer } from './coalescer.ts';
import { followTriggers, type Watchers } from './follow.ts';
import type { DecnetMessages } from './hearing.ts';
import { startHeartbeat } from './heartbeat.ts';
import { hostQueue } from './host-queue.ts';
import { requeueTimer } from './requeue.ts';
import { scheduleWatch } from './schedule-watch.ts';
import { type ServeOptions, serveQueue } from './serve.ts';
import { recordStop, stopRequest } from './stop-request.ts';

/** Milliseconds to wait for the pass in progress when the worker closes. */
const endWithinMs = 8000;

export interface HostWorkerOptions extends ServeOptions {
  readonly version: string;
  readonly bus: Bus;
  /** DECNET's messages on this host; absent: none are listened to. */
  readonly messages?: Pick<DecnetMessages, 'start'>;
  readonly backend: QueueBackend;
  /** Seconds between two scheduled passes. */
  readonly intervalSeconds: number;
  /** The sources of triggers; null for a worker that only drains its queue. */
  readonly watchers: Watchers | null;
  /** Called after every pass that was applied. */
  readonly onPass?: ((data: JobData, outcome: PassOutcome) => void) | undefined;
  /** Called with the reason of every pass that failed, in one line. */
  readonly onFailure?: ((reason: string) => void) | undefined;
}

export interface HostWorker {
  /** Resolves when the worker is ready to take jobs. */
  ready(): Promise<void>;
  /** Runs the jobs that wait in the queue, then resolves. */
  drain(): Promise<void>;
  /** Resolves when a message has asked this host's worker to stop, and it has. @see requesterOf */
  readonly stopped: Promise<{ readonly by: string | null }>;
  /** Waits for the pass in progress. If that takes too long, closes anyway; the job then runs again. */
  close(): Promise<void>;
}

/** Serves the queue of one host, and no other queue. */
export function startHostWorker(options: HostWorkerOptions): HostWorker {
  const { host, backend, bus, log, messages, watchers } = options;
  const queue = hostQueue(backend, host);
  const coalesced = coalescer((deckies, cause) => queue.add({ ...(deckies && { deckies }), cause }));
  const requeues = requeueTimer((deckies) =>
    coalesced.trigger({ kind: 'deckies', names: new Set(deckies) }, 'docker'),
  );
  const schedule = watchers === null ? null : scheduleWatch(options, queue);
  const worker = serveQueue(options, {
    began: (id, data) => schedule?.saw(id, data),
    applied: (data, outcome) => {
      if (watchers !== null && data.dry_run !== true) {
        requeues.set(outcome.plan.requeueAfterMs);
        if (outcome.names !== null) coalesced.knows(outcome.names);
        if (outcome.plan.needsFullPass) coalesced.trigger({ kind: 'everything' }, 'docker');
      }
      options.onPass?.(data, outcome);
    },
    ended: coalesced.ended,
    failed: (reason) => options.onFailure?.(reason),
  });
  const firstPass = (): Promise<unknown> =>
    queue.add({ cause: 'start' }, { deduplication: { id: 'start', keepLastIfActive: true } });
  if (watchers !== null) messages?.start((trigger) => coalesced.trigger(trigger, 'docker'));
  const { decnet } = options.ports;
  if (watchers !== null) decnet?.start(() => coalesced.trigger({ kind: 'everything' }, 'docker'));
  const following =
    watchers === null ? null : followTriggers(options, watchers, { trigger: coalesced.trigger, firstPass });
  const heartbeat = watchers === null ? null : startHeartbeat(bus, options);

  let isEnding = false;
  const end = once(async () => {
    heartbeat?.stop();
    schedule?.close();
    requeues.clear();
    decnet?.stop();
    coalesced.close();
    await following?.close();
    await endsWithin(endWithinMs, worker.close());
  });
  const stopOnRequest = async (): Promise<{ by: string | null }> => {
    const by = await stopRequest(bus, host, log);
    log.info({ host, by }, 'asked to stop');
    await recordStop({ host, ledger: options.ports.ledger, log }, by, () => isEnding);
    await end().catch((error: unknown) => log.debug({ host, error }, 'closing failed'));
    return { by };
  };

  return {
    stopped: watchers === null ? new Promise(() => undefined) : stopOnRequest(),
    ready: async () => {
      await worker.waitUntilReady();
    },
    drain: () => queue.drained(),
    close: () => {
      isEnding = true;
      return end();
    },
  };
}
