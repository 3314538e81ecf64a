import { setTimeout as sleep } from 'node:timers/promises';
import type { BackendFactory, IQueueBackend } from 'bullmq';

/** Milliseconds that a worker waits after a failed call. */
const pauseAfterMs = 1000;

/** BullMQ caches the first result of `waitUntilReady`, even if it is a rejection. */
interface Memoised {
  waitUntilReady(): Promise<unknown>;
  readyPromise?: Promise<unknown> | undefined;
}

/**
 * Makes backends recover from errors: a rejected first connection is retried, and a worker pauses after a failed call.
 * Without the pause the worker retries in a tight loop that also blocks signals.
 */
export const patient =
  <B extends IQueueBackend, C>(factory: BackendFactory<B, C>): BackendFactory<B, C> =>
  (...args) => {
    const backend = factory(...args);
    const { connection } = backend as { connection?: Partial<Memoised> };
    for (const one of [connection, backend as Partial<Memoised>]) if (isMemoised(one)) forgetRefusals(one);
    const ended = new AbortController();
    const close = backend.close.bind(backend);
    backend.close = (...of) => {
      ended.abort();
      return close(...of);
    };
    // The two calls of the worker's loop.
    backend.waitForJob = pausing(backend.waitForJob.bind(backend), ended.signal);
    backend.moveToActive = pausing(backend.moveToActive.bind(backend), ended.signal);
    return backend;
  };

const isMemoised = (one: Partial<Memoised> | undefined): one is Memoised =>
  typeof one?.waitUntilReady === 'function';

function forgetRefusals(memoised: Memoised): void {
  const ask = memoised.waitUntilReady.bind(memoised);
  memoised.waitUntilReady = () => {
    const answer = ask();
    answer.catch(() => {
      memoised.readyPromise = undefined;
    });
    return answer;
  };
}

const pausing =
  <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>, signal: AbortSignal) =>
  async (...args: A): Promise<R> => {
    try {
      return await call(...args);
    } catch (error) {
      await sleep(pauseAfterMs, undefined, { signal, ref: false }).catch(() => undefined);
      throw error;
    }
  };
