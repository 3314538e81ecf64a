import { randomBytes } from 'node:crypto';
import { constants, existsSync, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, open, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { codeOf, FleetError, reasonOf } from '../lib/errors.ts';
import { isOpenToOthers, isSticky, pathSteps } from '../lib/path-steps.ts';

/**
 * Writes a whole file, or nothing: a reader finds the old content or the new one, even after a crash. Where everyone may
 * write, nothing of another user's is followed or replaced: as Linux has it for who opens a file.
 * @param overwrite whether a file that is there may be replaced; it keeps its owner and rights
 * @throws FleetError NOT_WRITTEN
 */
export async function writeWhole(path: string, content: string, overwrite: boolean): Promise<void> {
  try {
    const there = await stat(path).catch(() => null);
    if (there !== null && !overwrite) throw isThere(path);
    if (there !== null && !there.isFile())
      throw new FleetError('NOT_WRITTEN', `${path} is not a regular file`, { advice: 'Nothing was written' });
    const place = findPlace(path);
    const directory = await openDirectory(place);
    try {
      await writeIn(directory.path, place.name, content, overwrite ? place : null);
      // The new name is on the disk, too. A file system that cannot do so has its own ways.
      await directory.handle.sync().catch(() => undefined);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw isThere(path);
      if (error instanceof FleetError) throw error;
      throw new Error(reasonOf(error).replaceAll(directory.path, place.directory), { cause: error });
    } finally {
      await directory.handle.close();
    }
  } catch (error) {
    if (error instanceof FleetError) throw error;
    throw new FleetError('NOT_WRITTEN', `${path} cannot be written: ${reasonOf(error)}`, { cause: error });
  }
}

const isThere = (path: string): FleetError =>
  new FleetError('NOT_WRITTEN', `${path} is there already`, {
    advice: 'Nothing was written. Add --force to replace it',
  });

/** Where a file is in the end, through links: so that a link stays one. */
interface Place {
  readonly directory: string;
  readonly directoryStat: Stats;
  readonly name: string;
}

/** @throws where a link on the way, or the file itself, is another user's and anybody may have put it there */
function findPlace(path: string): Place {
  let place: Place | null = null;
  for (const { directory, directoryStat, path: at, stat: found } of pathSteps(path)) {
    if (found?.isSymbolicLink()) refuseStrangers(at, found, directoryStat, 'a link');
    place = { directory, directoryStat, name: basename(at) };
  }
  if (place === null) throw new Error('it is a directory');
  return place;
}

/** The rule of Linux's `protected_symlinks` and `protected_regular`, which cannot see who resolves links by himself. */
function refuseStrangers(path: string, found: Stats, directory: Stats, what: string): void {
  if (!isSticky(directory) || !isOpenToOthers(directory)) return;
  if (found.uid === process.geteuid?.() || found.uid === directory.uid) return;
  throw new FleetError(
    'NOT_WRITTEN',
    `${path} is ${what} of another user (uid ${found.uid}) where everyone may write`,
    { advice: 'Nothing was written. Choose another place, or remove it' },
  );
}

/**
 * The very directory that was looked at: whatever is put in its place meanwhile, what is done goes there.
 * @returns path: by which it is reached; where the system has no such, its name
 */
async function openDirectory({
  directory,
  directoryStat,
}: Place): Promise<{ handle: FileHandle; path: string }> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  const { dev, ino } = await handle.stat();
  if (dev !== directoryStat.dev || ino !== directoryStat.ino) {
    await handle.close();
    throw new Error(`${directory} has just been replaced`);
  }
  const byHandle = `/proc/self/fd/${handle.fd}`;
  return { handle, path: existsSync(join(byHandle, '.')) ? byHandle : directory };
}

/** @param replaced null: nothing may be there */
async function writeIn(
  directory: string,
  name: string,
  content: string,
  replaced: Place | null,
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
    // A name that another one took meanwhile is that one's: only a rename would take it away.
    if (replaced === null) await link(temporary, target).catch(otherwise(() => rename(temporary, target)));
    else await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/** Some file systems have no links. */
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
  // Root alone may give a file away: for others it is theirs already, or becomes theirs.
  await handle.chown(uid, gid).catch(() => undefined);
  await handle.chmod(mode & 0o777);
}
