import { userInfo } from 'node:os';

/** Who runs this command; null: a user without an entry in the list of users, as in some containers. */
export function osUser(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}
