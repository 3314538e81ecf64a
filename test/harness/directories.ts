import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

let count = 0;

/** Makes a directory in another one, with this mode and owner. Only root can do that. */
export function makeDirectory(parent: string, mode: number, owner: number): string {
  const made = join(parent, `location-${count++}`);
  mkdirSync(made);
  chownSync(made, owner, owner);
  // Not as the mode of mkdir, from which the umask takes bits.
  chmodSync(made, mode);
  return made;
}
