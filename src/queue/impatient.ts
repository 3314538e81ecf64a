import type { BackendFactory, IQueueBackend } from 'bullmq';
import { endsWithin } from '../lib/ends-within.ts';

/** Milliseconds that a reader waits for an answer of the store. */
export const readersWaitMs = 3000;
/** The maximum number of overdue calls: they stay in the client until the store is back, so no more are made. */
const maxOverdue = 100;

/** Members without a time limit: they send no request, or must run to their end. */
const untouched: ReadonlySet<PropertyKey> = new Set<keyof IQueueBackend>([
  'on',
  'once',
  'removeListener',
  'forQueue',
  'toKey',
  'parseNodeKey',
  'clientName',
  'close',
  'disconnect',
]);

/**
 * Adds a time limit to each call of a backend, and so to the calls of its queues and jobs. Without it, calls to Redis wait
 * until an outage ends.
 */
export function impatient<B extends IQueueBackend, C>(factory: BackendFactory<B, C>): BackendFactory<B, C> {
  const limited = limit();
  return (...args) =>
    new Proxy(factory(...args), {
      get: (backend, key) => {
        const value: unknown = Reflect.get(backend, key, backend);
        if (typeof value !== 'function') return value;
        const call = value.bind(backend);
        return untouched.has(key) ? call : (...given: unknown[]) => limited(() => call(...given));
      },
    });
}

/** @returns a function that runs a call with a time limit; it rejects with the call's error, or when there is no answer */
function limit() {
  let overdue = 0;
  return async <T>(call: () => Promise<T>): Promise<T> => {
    const noAnswer = new Error(`no answer within ${readersWaitMs / 1000} s`);
    if (overdue >= maxOverdue) throw noAnswer;
    const answer = call();
    if (await endsWithin(readersWaitMs, answer)) return answer;
    overdue += 1;
    const ended = (): void => {
      overdue -= 1;
    };
    answer.then(ended, ended);
    throw noAnswer;
  };
}
