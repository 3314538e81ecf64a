import { homedir, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';

/** This user's home directory; null: neither HOME nor the list of users names one, as in many a container. */
export function homeDirectory(): string | null {
  for (const look of [homedir, () => userInfo().homedir]) {
    try {
      const found = look();
      if (isAbsolute(found)) return found;
    } catch {
      // The list of users does not have this one.
    }
  }
  return null;
}

/** Where other programs of this user look for their files: without a home they have the root, as in containers. */
export const homeOfOthers = (): string => homeDirectory() ?? '/';
