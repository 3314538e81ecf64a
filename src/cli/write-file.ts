import { randomBytes } from 'node:crypto';
import { constants, existsSync, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, open, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { codeOf, FleetError, reasonOf } from '../lib/errors.ts';
import { isOpenToOthers, isSticky, pathSteps } from '../lib/path-steps.ts';

/**
 * Writes a file atomically: readers see the old or the new content, even after a crash. In a world-writable directory it
 * neither follows links nor replaces files of other users, as Linux does for opened files.
 * @param overwrite whether an existing file may be replaced; it keeps its owner and mode
 * @throws FleetError NOT_WRITTEN
 */
export async function writeWhole(path: string, content: string, overwrite: boolean): Promise<void> {
  try {
    const there = await stat(path).catch(() => null);
    if (there !== null && !overwrite) throw isThere(path);
    if (there !== null && !there.isFile())
      throw new FleetError('NOT_WRITTEN', `${path} is not a regular file`, { advice: 'Nothing was written' });
    const location = findLocation(path);
    const directory = await openDirectory(location);
    try {
      await writeIn(directory.path, location.name, content, overwrite ? location : null);
      // Write the new name to disk, too. Not all file systems support this.
      await directory.handle.sync().catch(() => undefined);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw isThere(path);
      if (error instanceof FleetError) throw error;
      throw new Error(reasonOf(error).replaceAll(directory.path, location.directory), { cause: error });
    } finally {
      await directory.handle.close();
    }
  } catch (error) {
    if (error instanceof FleetError) throw error;
    throw new FleetError('NOT_WRITTEN', `${path} cannot be written: ${reasonOf(error)}`, { cause: error });
  }
}

const isThere = (path: string): FleetError =>
  new FleetError('NOT_WRITTEN', `${path} already exists`, {
    advice: 'Nothing was written. Add --force to replace it',
  });

/** The location of a file after all links are resolved, so that replacing the file keeps the links. */
interface Location {
  readonly directory: string;
  readonly directoryStat: Stats;
  readonly name: string;
}

/** @throws when a link on the path, or the file itself, belongs to another user in a world-writable directory */
function findLocation(path: string): Location {
  let location: Location | null = null;
  for (const { directory, directoryStat, path: at, stat: found } of pathSteps(path)) {
    if (found?.isSymbolicLink()) refuseStrangers(at, found, directoryStat, 'a link');
    location = { directory, directoryStat, name: basename(at) };
  }
  if (location === null) throw new Error('it is a directory');
  return location;
}

/** The rule of Linux's `protected_symlinks` and `protected_regular`, which do not apply to a program that resolves links itself. */
function refuseStrangers(path: string, found: Stats, directory: Stats, what: string): void {
  if (!isSticky(directory) || !isOpenToOthers(directory)) return;
  if (found.uid === process.geteuid?.() || found.uid === directory.uid) return;
  throw new FleetError(
    'NOT_WRITTEN',
    `${path} is ${what} of another user (uid ${found.uid}) in a world-writable directory`,
    { advice: 'Nothing was written. Choose another directory, or remove it' },
  );
}

/**
 * Opens the directory that was checked, so that later steps use it even if it is replaced in the meantime.
 * @returns path: a path through the open handle, or the directory's own path on systems without `/proc`
 */
async function openDirectory({
  directory,
  directoryStat,
}: Location): Promise<{ handle: FileHandle; path: string }> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  const { dev, ino } = await handle.stat();
  if (dev !== directoryStat.dev || ino !== directoryStat.ino) {
    await handle.close();
    throw new Error(`${directory} has just been replaced`);
  }
  const byHandle = `/proc/self/fd/${handle.fd}`;
  return { handle, path: existsSync(join(byHandle, '.')) ? byHandle : directory };
}

/** @param replaced the file that may be replaced; null: fail if the file exists */
async function writeIn(
  directory: string,
  name: string,
  content: string,
  replaced: Location | null,
): Promise<void> {
  const target = join(directory, name);
  const before = await lstat(target).catch(() => null);
  if (before !== null && replaced !== null) {
    if (!before.isFile()) throw new Error('it has just been replaced');
    refuseStrangers(join(replaced.directory, name), before, replaced.directoryStat, 'a file');
  }
  const temporary = join(directory, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeSynced(temporary, content, replaced === null ? null : before);
    // A link fails if another program has created the file in the meantime; a rename would replace it.
    if (replaced === null) await link(temporary, target).catch(otherwise(() => rename(temporary, target)));
    else await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/** Runs `work` instead when the file system does not support links. */
const otherwise =
  (work: () => Promise<void>) =>
  (error: unknown): Promise<void> => {
    if (['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'].includes(codeOf(error) ?? '')) return work();
    throw error;
  };

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
  // Only root may change the owner. For other users the file already is theirs, or becomes theirs.
  await handle.chown(uid, gid).catch(() => undefined);
  await handle.chmod(mode & 0o777);
}
