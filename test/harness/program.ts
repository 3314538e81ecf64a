import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';

const places = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/local/sbin'];

/** The path of an installed program; null: not installed. */
export async function findProgram(name: string): Promise<string | null> {
  for (const place of places) {
    const path = join(place, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}
