import { userInfo } from 'node:os';

/** The user of the operating system; null: one without an entry in the list of users, as in some containers. */
export function osUser(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}
