import { homedir, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';

/** This user's home directory; null: neither HOME nor the user database has one, as in many containers. */
export function homeDirectory(): string | null {
  for (const find of [homedir, () => userInfo().homedir]) {
    try {
      const found = find();
      if (isAbsolute(found)) return found;
    } catch {
      // The user database does not contain this user.
    }
  }
  return null;
}

/** The home directory that other programs of this user use: without one, as in containers, they use the root directory. */
export const homeOfOthers = (): string => homeDirectory() ?? '/';
