import type { App } from '../app/app.ts';
import { preferMemory } from '../lib/heap.ts';
import type { Service } from '../service-manager/service.ts';
import { untilStopped } from './context.ts';

export interface WorkerChoice {
  /** Runs the jobs that are waiting on the queue, then ends. */
  readonly drain?: boolean | undefined;
  /** Lets this machine replace the one that is recorded for this host. */
  readonly takeOver?: boolean | undefined;
}

/** Runs the worker of this host until it is stopped. */
export async function serveWorker(app: App, { drain, takeOver }: WorkerChoice): Promise<void> {
  const stopped = untilStopped(app.log);
  const service = await reports(app, stopped);
  if (takeOver) await app.takeOver();
  const worker = await Promise.race([app.hostWorker({ follows: drain !== true, service }), stopped]);
  // The process was stopped while the worker waited for a store.
  if (worker === undefined) return;
  if (drain) return worker.drain();
  await Promise.race([stopped, worker.stopped]);
}

/** Runs a scheduler until it is stopped. */
export async function serveScheduler(app: App): Promise<void> {
  // Its live memory is small, so that a collection takes little time.
  preferMemory();
  const stopped = untilStopped(app.log);
  const service = await reports(app, stopped);
  await Promise.race([app.scheduler(service), stopped]);
  await stopped;
}

/** Starts the reports to the service manager, if there is one, until the process stops. */
export async function reports(app: App, stopped: Promise<void>): Promise<Service | null> {
  const service = await app.service();
  if (service !== null) void stopped.then(service.stopping);
  return service;
}
