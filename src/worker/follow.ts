import { endsWithin } from '../lib/ends-within.ts';
import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { Trigger, TriggerCause, Watcher } from './triggers.ts';

/** Milliseconds for the watchers to become ready; an engine that hangs must not delay the first pass longer. */
const readyWithinMs = 2000;

export type Watchers = Readonly<Record<TriggerCause, Watcher>>;

export interface FollowOptions {
  readonly host: string;
  readonly backend: Pick<QueueBackend, 'onRecovered'>;
  readonly log: Log;
}

/**
 * Starts the watchers, enqueues the first pass when they are ready, and triggers a full pass after each outage of the
 * queues.
 * @param firstPass enqueues the first pass
 */
export function followTriggers(
  { host, backend, log }: FollowOptions,
  watchers: Watchers,
  {
    trigger,
    firstPass,
  }: {
    trigger(where: Trigger, cause: TriggerCause): void;
    firstPass(): Promise<unknown>;
  },
): { close(): Promise<void> } {
  const everything = (): void => trigger({ kind: 'everything' }, 'docker');
  const unwatched = outageLog((error) =>
    log.warn({ host, error }, 'the state file cannot be watched; checking it every 5 s instead'),
  );
  const following = (['docker', 'file'] as const).map((cause) =>
    watchers[cause].start(
      (where) => trigger(where, cause),
      (error) => {
        // Passes warn when Docker is down. Nothing else warns when the file cannot be watched.
        if (cause === 'file' && !unwatched.isDown()) unwatched.failed(error);
        else log.debug({ host, cause, error }, 'cannot watch for changes; retrying');
      },
    ),
  );
  // The first pass comes after the watchers, so that nothing in between is missed.
  void endsWithin(readyWithinMs, Promise.all(following.map(({ ready }) => ready)))
    .then(firstPass)
    .catch(everything);
  // During an outage, triggers could not be enqueued, or their passes failed.
  backend.onRecovered(everything);
  return {
    close: async () => {
      await Promise.all(following.map((one) => one.close()));
    },
  };
}
