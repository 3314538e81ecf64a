import { randomUUID } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Desired } from '../fleet/desired.ts';
import { changedDeckies } from '../fleet/plan/content.ts';
import { codeOf, FleetError, reasonOf } from '../lib/errors.ts';
import { pathSteps } from '../lib/path-steps.ts';
import { NotJson, parseStateFile, stateFileInvalid } from './parse.ts';

const largest = 64 * 1024 * 1024;
/** How long a half-written file is read again, and how often. @see CONTRACT.md, rule 7 */
const retryWithinMs = 1000;
const pauseMs = 40;
/** A process that the machine stopped for a second has not tried for a second. */
const attemptsAtLeast = 3;
/** A file written this lately may change again without its times telling. */
const settlesAfterMs = 100;

export interface StateFileReader {
  readonly path: string;
  /** What the file says about the host. Never rejects: a file that cannot be used is `invalid`. */
  read(signal?: AbortSignal): Promise<Desired>;
  /**
   * Tells in which deckies a reading differs from the one before it, whoever asked for either; null: look at all. A pass
   * may have seen a text that was gone before its change was noticed: what it did about that is to be looked at again.
   * @returns ends it
   */
  onChange(changed: (names: ReadonlySet<string> | null) => void): () => void;
}

/** Reads one host's part of a state file; the parsed file is kept while its inode, size and times hold. */
export function stateFileReader(path: string, host: string): StateFileReader {
  let kept: { key: string; desired: Desired } | null = null;
  let last: Desired | null = null;
  const listeners = new Set<Parameters<StateFileReader['onChange']>[0]>();

  const compared = (now: Desired): Desired => {
    const before = last;
    last = now;
    if (before === null || before === now || isSameFault(before, now)) return now;
    const changed = changedDeckies(before, now);
    if (changed === null || changed.size > 0) for (const tell of listeners) tell(changed);
    return now;
  };

  const readOnce = async (): Promise<{ key: string; desired: Desired }> => {
    const handle = await openFile(path);
    if (handle === null) return { key: 'absent', desired: { kind: 'absent' } };
    try {
      const stats = await handle.stat({ bigint: true });
      const key = keyOf(stats);
      if (kept?.key === key) return kept;
      if (!stats.isFile()) throw stateFileInvalid(path, 'is not a regular file');
      if (stats.size > largest) throw stateFileInvalid(path, 'is larger than 64 MiB');
      const parsed = await parseStateFile(await handle.readFile(), path, host);
      const desired = parsed.kind === 'declared' ? { ...parsed, revision: randomUUID() } : parsed;
      const isSettled = Date.now() - Number(stats.mtimeMs) > settlesAfterMs;
      return { key: isSettled ? key : 'unsettled', desired };
    } finally {
      await handle.close();
    }
  };

  return {
    path,
    read: async (signal) => {
      const until = performance.now() + retryWithinMs;
      let attempts = 0;
      const isOver = (): boolean =>
        signal?.aborted === true || (attempts >= attemptsAtLeast && performance.now() >= until);
      while (true) {
        attempts += 1;
        const key = await keyAt(path);
        try {
          kept = await readOnce();
          return compared(kept.desired);
        } catch (error) {
          if (!(error instanceof NotJson) || isOver()) return compared(invalid(path, error));
          // The same bytes fail the same way: wait for others.
          while ((await keyAt(path)) === key && performance.now() < until && signal?.aborted !== true)
            await sleep(pauseMs);
        }
      }
    },
    onChange: (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
  };
}

/** Both are unusable, in the same way: of such a file each reading is another object. */
const isSameFault = (before: Desired, now: Desired): boolean =>
  (before.kind === 'absent' && now.kind === 'absent') ||
  (before.kind === 'invalid' && now.kind === 'invalid' && before.error.message === now.error.message);

const invalid = (path: string, error: unknown): Desired => ({
  kind: 'invalid',
  error:
    error instanceof FleetError
      ? error
      : stateFileInvalid(path, `cannot be read: ${reasonOf(error)}`, undefined, error),
});

/** How often a directory that is replaced meanwhile is looked at again. */
const directoryTries = 5;
/** Longer than the times of a directory stay the same while it is moved again and again. */
const tickMs = 10;

/**
 * Null: no such file in a directory that exists, which is a fleet torn down. That directory was there before and after the
 * file was found missing: one that was put in place in between may have had the file all the time.
 */
async function openFile(path: string): Promise<FileHandle | null> {
  let before: string | null = null;
  for (let tries = 0; tries < directoryTries; tries += 1) {
    try {
      // Not blocking: a pipe in its place must not hang the pass.
      return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    const directory = directoryOf(path);
    if (!directory.exists) throw stateFileInvalid(path, `its directory ${directory.path} does not exist`);
    if (directory.key === before) return null;
    before = directory.key;
    await sleep(tickMs);
  }
  throw stateFileInvalid(path, 'its directory is being replaced');
}

/**
 * The directory that holds a file, behind every link. Where it does not exist (a disk may not be mounted): the first one on
 * the way that is missing.
 */
function directoryOf(path: string): { exists: true; key: string } | { exists: false; path: string } {
  let at = '/';
  let key = '';
  try {
    for (const { directory, directoryStat, path: step, stat: found } of pathSteps(path)) {
      if (!directoryStat.isDirectory()) return { exists: false, path: directory };
      key = `${directoryStat.dev}:${directoryStat.ino}:${directoryStat.ctimeMs}`;
      if (found?.isSymbolicLink() !== true) at = step;
    }
    return { exists: true, key };
  } catch {
    return { exists: false, path: at };
  }
}

const keyAt = (path: string): Promise<string> =>
  stat(path, { bigint: true }).then(keyOf, (error: unknown) => reasonOf(error));

export const keyOf = (stats: BigIntStats): string =>
  `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;

const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '');
