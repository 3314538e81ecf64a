import { setTimeout as sleep } from 'node:timers/promises';
import { type LoginLine, loginAddress, loginTable } from './logins.ts';
import type { Account, Login } from './sign-in/accounts.ts';

/** Milliseconds between two checks for log lines that are due. */
const sweepEveryMs = 5000;

export type LoginResult =
  | { readonly is: 'right'; readonly account: Account }
  | { readonly is: 'wrong' | 'gone' }
  /** The login was not checked. */
  | { readonly is: 'refused'; readonly againInMs: number };

/**
 * Checks the logins of each address one after the other, with a delay after wrong ones. The delay comes before the check:
 * otherwise a client that sends many logins in parallel could recognize the correct one by its fast answer.
 * @param accountOf the account of a login; null: it is wrong
 * @param say called for the lines about wrong logins. @param say.user the name of the last one, as it was given; null: not known
 */
export function loginQueue(
  accountOf: (login: Login) => Promise<Account | null>,
  say: (line: LoginLine, user: string | null) => void,
) {
  const table = loginTable();
  /** The last waiting login of each address. */
  const last = new Map<string, Promise<void>>();
  const now = (): number => performance.now();
  const sweep = (at: number): void => {
    for (const line of table.sweep(at)) say(line, null);
  };
  const timer = setInterval(() => sweep(now()), sweepEveryMs).unref();

  return {
    /**
     * @param login null: it cannot be read, which is wrong, too
     * @param gone aborted when the client disconnects
     */
    check: async (ip: string, login: Login | null, gone: AbortSignal): Promise<LoginResult> => {
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
        const account = login === null ? null : await accountOf(login).catch(() => null);
        const line = table.checked(address, account !== null, now());
        if (line !== null) say(line, login?.user ?? null);
        return account === null ? { is: 'wrong' } : { is: 'right', account };
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
