import type { BackendFactory, IQueueBackend } from 'bullmq';
import { endsWithin } from '../lib/ends-within.ts';

/** Milliseconds that a reader waits for one answer of the store. */
export const readersWait = 3000;
/** Calls that were given up stay with the client until the store is back: more are not made. */
const mostOverdue = 100;

/** What asks for nothing, or has to end by itself. */
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
 * Backends for readers: each call that the store does not answer in time fails, of a queue and of its jobs. On Redis they
 * would wait for as long as it is away.
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

/** @returns what lets a call wait for its answer @throws what the call throws, or that none came */
function limit() {
  let overdue = 0;
  return async <T>(call: () => Promise<T>): Promise<T> => {
    const noAnswer = new Error(`no answer within ${readersWait / 1000} s`);
    if (overdue >= mostOverdue) throw noAnswer;
    const answer = call();
    if (await endsWithin(readersWait, answer)) return answer;
    overdue += 1;
    const ended = (): void => {
      overdue -= 1;
    };
    answer.then(ended, ended);
    throw noAnswer;
  };
}
