import { isPasswordHash } from '../../lib/password-hash.ts';
import { didYouMean } from '../../lib/similar.ts';
import { printable } from '../../lib/text.ts';

/** `look` sees everything and changes nothing; `act` may also change what the pages can change. */
export const roles = ['look', 'act'] as const;
export type Role = (typeof roles)[number];

/** A line of the file of users. */
export interface User {
  readonly name: string;
  readonly role: Role;
  /** Null: no password; a proxy says who it is. */
  readonly hash: string | null;
}

export const userRule = '1 to 100 characters without a colon, control characters and white space at its ends';

/** Whether a text can be the name of a user. In Basic authentication a colon ends the name. */
export const isUserName = (text: string): boolean =>
  text !== '' &&
  text.length <= 100 &&
  text === text.trim() &&
  !text.includes(':') &&
  printable(text) === text;

/**
 * Reads the lines `name:role:hash` of the file of users. Empty lines, and those that begin with `#`, are ignored.
 * @returns the users, and what is wrong, each with its line number; hashes are not shown
 */
export function parseUsers(text: string): {
  readonly users: ReadonlyMap<string, User>;
  readonly problems: readonly string[];
} {
  const users = new Map<string, User>();
  const problems: string[] = [];
  for (const [at, given] of text.split('\n').entries()) {
    const line = given.trim();
    if (line === '' || line.startsWith('#')) continue;
    const found = userIn(line);
    if (typeof found === 'string') problems.push(`line ${at + 1}: ${found}`);
    else if (users.has(found.name)) problems.push(`line ${at + 1}: user ${found.name} is there twice`);
    else users.set(found.name, found);
  }
  return { users, problems };
}

/** The user of a line, or what is wrong with it. */
function userIn(line: string): User | string {
  const [name = '', role, hash = '', ...rest] = line.split(':').map((part) => part.trim());
  if (!isUserName(name)) return `the name is not valid; allowed: ${userRule}`;
  const known = roles.find((one) => one === role);
  if (known === undefined)
    return `the role of ${name} is not valid. ${didYouMean(role ?? '', roles)}Allowed: ${roles.join(', ')}`;
  if (rest.length > 0 || (hash !== '' && !isPasswordHash(hash)))
    return `the hash of ${name} is not valid; decnet-fleet hash-password makes one`;
  return { name, role: known, hash: hash === '' ? null : hash };
}
