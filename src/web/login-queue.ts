import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../lib/log.ts';
import { type LoginLine, loginAddress, loginTable } from './logins.ts';

/** Milliseconds between two checks for log lines that are due. */
const sweepEveryMs = 5000;

export type LoginVerdict =
  | { readonly is: 'right' | 'wrong' | 'gone' }
  /** The login was not checked. */
  | { readonly is: 'refused'; readonly againInMs: number };

/**
 * Checks the logins of each address one after the other, with a delay after wrong ones. The delay comes before the check:
 * otherwise a client that sends many logins in parallel could recognize the correct one by its fast answer.
 * @param isRight whether an `Authorization` header is correct
 */
export function loginQueue(isRight: (header: string) => boolean, log: Log) {
  const table = loginTable();
  /** The last waiting login of each address. */
  const last = new Map<string, Promise<void>>();
  const say = (line: LoginLine): void => log.warn(line, 'wrong logins');
  const now = (): number => performance.now();
  const sweep = (at: number): void => table.sweep(at).forEach(say);
  const timer = setInterval(() => sweep(now()), sweepEveryMs).unref();

  return {
    /** @param gone aborted when the client disconnects */
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
