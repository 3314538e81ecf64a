import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FleetError, reasonOf } from '../errors.ts';

/**
 * Writes a whole file, or nothing: a reader finds the old content or the new one, even after a crash.
 * @param overwrite whether a file that is there may be replaced; it keeps its owner and rights
 * @throws FleetError NOT_WRITTEN
 */
export async function writeWhole(path: string, content: string, overwrite: boolean): Promise<void> {
  // Through a link, so that the link stays one.
  const target = await realpath(path).catch(() => path);
  const before = await stat(target).catch(() => null);
  if (before !== null && !overwrite) {
    throw new FleetError('NOT_WRITTEN', `${path} is there already`, {
      advice: 'Nothing was written. Add --force to replace it',
    });
  }
  if (before !== null && !before.isFile()) {
    throw new FleetError('NOT_WRITTEN', `${path} is not a regular file`, { advice: 'Nothing was written' });
  }
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeSynced(temporary, content, before);
    await rename(temporary, target);
    await syncDirectory(dirname(target));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new FleetError('NOT_WRITTEN', `${path} cannot be written: ${reasonOf(error)}`, { cause: error });
  }
}

async function writeSynced(path: string, content: string, like: Stats | null): Promise<void> {
  const handle = await open(path, 'wx', 0o644);
  try {
    if (like !== null) await takeAfter(handle, like);
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function takeAfter(handle: FileHandle, { mode, uid, gid }: Stats): Promise<void> {
  // Root alone may give a file away: for others it is theirs already, or becomes theirs.
  await handle.chown(uid, gid).catch(() => undefined);
  await handle.chmod(mode & 0o777);
}

/** The new name is on the disk, too. A file system that cannot do so has its own ways. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync().catch(() => undefined);
  } finally {
    await handle.close();
  }
}
