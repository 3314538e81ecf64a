import { createHash, createHmac, hkdf, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { hashPassword, isPasswordOf } from '../../lib/password-hash.ts';
import type { Credentials } from '../security.ts';
import { atMost } from '../shared.ts';
import type { Role, User } from './users.ts';
import type { UsersFile } from './users-file.ts';

/** A name and a password that somebody gave. */
export type Login = Credentials;

/** Somebody who can sign in with a password. */
export interface Account {
  readonly name: string;
  readonly role: Role;
}

/** Who may sign in. */
export interface Accounts {
  /** The account of a right password; null: the name or the password is wrong. */
  check(login: Login): Promise<Account | null>;
  /** The key that signs the sessions of an account. Another password is another key. Null: there is no such account. */
  sessionKey(name: string): Promise<{ readonly account: Account; readonly key: Buffer } | null>;
  /** A user of the file, also one without a password. */
  listed(name: string): User | null;
  close(): void;
}

const derivedBy = { scrypt: promisify(scrypt), hkdf: promisify(hkdf) };
const keyBytes = 32;
/** Right passwords that need not be hashed again: a client with Basic authentication sends its own with each request. */
const rememberedAtMost = 1000;

/** Node has four threads for this and for everything else; each hash takes 32 MB. */
const concurrentHashes = 2;

/** @param credentials the user of DASHBOARD_USER, with the role `act` */
export function openAccounts(credentials: Credentials | null, file: UsersFile | null): Accounts {
  const isRight = rememberedHashes();
  /** A name that is not there takes as long as one that is. */
  const decoy = file === null ? null : hashPassword(randomBytes(saltBytes).toString('hex'));
  const secretOf = secretsOf(credentials);
  const configured: Account | null = credentials === null ? null : { name: credentials.user, role: 'act' };
  const find = (name: string): Account | null =>
    configured?.name === name ? configured : (file?.find(name) ?? null);
  return {
    check: async ({ user, password }) => {
      if (credentials !== null && isSame(user, credentials.user))
        return isSame(password, credentials.password) ? configured : null;
      const found = file?.find(user) ?? null;
      const hash = found?.hash ?? (await decoy);
      const isOurs = hash !== null && (await isRight(user, password, hash));
      return isOurs && found?.hash === hash ? { name: found.name, role: found.role } : null;
    },
    sessionKey: async (name) => {
      const account = find(name);
      const secret = account === null ? null : await secretOf(account.name, file?.find(name)?.hash ?? null);
      if (account === null || secret === null) return null;
      const key = Buffer.from(await derivedBy.hkdf('sha256', secret, name, 'decnet-fleet session', keyBytes));
      return { account: { name: account.name, role: account.role }, key };
    },
    listed: (name) => file?.find(name) ?? null,
    close: () => file?.close(),
  };
}

const saltBytes = 16;

/**
 * What the key of a user's sessions is made of. A hash in the file is random; a password may be guessed, so it is hashed slowly:
 * who copied a cookie cannot try passwords quickly.
 */
function secretsOf(credentials: Credentials | null) {
  let slow: Promise<Buffer> | null = null;
  return async (name: string, hash: string | null): Promise<Buffer | string | null> => {
    if (credentials === null || name !== credentials.user) return hash;
    slow ??= derivedBy.scrypt(
      credentials.password,
      `decnet-fleet session of ${name}`,
      keyBytes,
    ) as Promise<Buffer>;
    return slow;
  };
}

/** Checks passwords by their hash, each right one once. */
function rememberedHashes() {
  const key = randomBytes(keyBytes);
  const right = new Set<string>();
  const few = atMost(concurrentHashes);
  return async (user: string, password: string, hash: string): Promise<boolean> => {
    const mark = createHmac('sha256', key)
      .update(JSON.stringify([user, password, hash]))
      .digest('base64');
    if (right.has(mark)) return true;
    if (!(await few(() => isPasswordOf(password, hash)))) return false;
    if (right.size >= rememberedAtMost) right.clear();
    right.add(mark);
    return true;
  };
}

/** In constant time. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
