import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../lib/log.ts';
import { type LoginLine, loginAddress, loginTable } from './logins.ts';

/** Milliseconds between two looks for what the log has to say. */
const sweepEveryMs = 5000;

export type LoginVerdict =
  | { readonly is: 'right' | 'wrong' | 'gone' }
  /** It was not checked. */
  | { readonly is: 'refused'; readonly againInMs: number };

/**
 * Checks the logins of each address one after the other; after wrong ones they wait. The wait comes before the check:
 * else whoever sends many at once would know by the quick answer which one is right.
 * @param isRight whether an `Authorization` header is a right one
 */
export function loginQueue(isRight: (header: string) => boolean, log: Log) {
  const table = loginTable();
  /** The last one that waits of each address. */
  const last = new Map<string, Promise<void>>();
  const say = (line: LoginLine): void => log.warn(line, 'wrong logins');
  const now = (): number => performance.now();
  const sweep = (at: number): void => table.sweep(at).forEach(say);
  const timer = setInterval(() => sweep(now()), sweepEveryMs).unref();

  return {
    /** @param gone aborted when the client has gone */
    check: async (ip: string, header: string, gone: AbortSignal): Promise<LoginVerdict> => {
      const address = loginAddress(ip);
      const againInMs = table.arrive(address, now());
      if (againInMs !== null) return { is: 'refused', againInMs };
      const before = last.get(address);
      const { promise: done, resolve: end } = Promise.withResolvers<void>();
      last.set(address, done);
      try {
        if (before !== undefined) await before;
        const wait = table.waits(address, now());
        if (wait > 0) await sleep(wait, undefined, { signal: gone }).catch(() => undefined);
        if (gone.aborted) {
          table.left(address);
          return { is: 'gone' };
        }
        const isOurs = isRight(header);
        const line = table.checked(address, isOurs, now());
        if (line !== null) say(line);
        return { is: isOurs ? 'right' : 'wrong' };
      } finally {
        if (last.get(address) === done) last.delete(address);
        end();
      }
    },
    close: (): void => {
      clearInterval(timer);
      sweep(Number.POSITIVE_INFINITY);
    },
  };
}
