import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';

const locations = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/local/sbin'];

/** The path of an installed program; null: not installed. */
export async function findProgram(name: string): Promise<string | null> {
  for (const location of locations) {
    const path = join(location, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}
