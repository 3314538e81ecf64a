import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Account, Accounts } from './accounts.ts';

/** A session ends this many seconds after its begin, whether it is used or not. */
export const sessionSeconds = 12 * 3600;
/** Sessions that were signed out before their end. More are forgotten, the oldest first. */
const signedOutAtMost = 10_000;

/** A session, as its cookie has it. */
export interface Session {
  readonly id: string;
  readonly account: Account;
  /** Epoch seconds. */
  readonly endsAt: number;
}

/**
 * Sessions that are in their cookie only: the name, the end and an id, signed with a key that is made of the user's password. All
 * dashboards with the same users accept them, also after a restart. Which ones were signed out is in the memory of one process.
 * @param nowSeconds the time in epoch seconds
 */
export function sessions(accounts: Pick<Accounts, 'sessionKey'>, nowSeconds: () => number) {
  /** The ends of the sessions that were signed out, by id. */
  const signedOut = new Map<string, number>();
  return {
    /** The value of a new cookie. */
    begin: async (name: string): Promise<string | null> => {
      const found = await accounts.sessionKey(name);
      if (found === null) return null;
      const id = randomBytes(16).toString('base64url');
      const text = [encoded(name), Math.floor(nowSeconds()) + sessionSeconds, id].join('.');
      return `${text}.${signature(text, found.key)}`;
    },
    /** The session of a cookie; null: it is not valid, or over. */
    read: async (value: string): Promise<Session | null> => {
      const [, text = '', name = '', end = '', id = '', mac = ''] = form.exec(value) ?? [];
      const endsAt = Number(end);
      if (text === '' || endsAt <= nowSeconds() || signedOut.has(id)) return null;
      const found = await accounts.sessionKey(Buffer.from(name, 'base64url').toString('utf8'));
      if (found === null || !isSame(mac, signature(text, found.key))) return null;
      return { id, account: found.account, endsAt };
    },
    signOut: ({ id, endsAt }: Session): void => {
      const now = nowSeconds();
      for (const [one, end] of signedOut) if (end <= now) signedOut.delete(one);
      const [oldest] = signedOut.keys();
      if (signedOut.size >= signedOutAtMost && oldest !== undefined) signedOut.delete(oldest);
      signedOut.set(id, endsAt);
    },
  };
}

export type Sessions = ReturnType<typeof sessions>;

const form = /^(([\w-]{1,600})\.(\d{1,12})\.([\w-]{22}))\.([\w-]{43})$/;
const encoded = (text: string): string => Buffer.from(text).toString('base64url');
const signature = (text: string, key: Buffer): string =>
  createHmac('sha256', key).update(text).digest('base64url');
const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
