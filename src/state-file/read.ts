import { randomUUID } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Desired } from '../fleet/desired.ts';
import { changedDeckies } from '../fleet/plan/content.ts';
import { codeOf, FleetError, reasonOf } from '../lib/errors.ts';
import { pathSteps } from '../lib/path-steps.ts';
import { NotJson, parseStateFile, stateFileInvalid } from './parse.ts';

const maxBytes = 64 * 1024 * 1024;
/** How long a half-written file is retried, and the pause between attempts. @see CONTRACT.md, rule 7 */
const retryWithinMs = 1000;
const pauseMs = 40;
/** The time limit is not enough: the process may have been suspended for all of it. */
const minAttempts = 3;
/** A file that was written within this time may change again without a change of its timestamps. */
const settlesAfterMs = 100;

export interface StateFileReader {
  readonly path: string;
  /** Reads what the file declares for the host. Never rejects; an unusable file is `invalid`. */
  read(signal?: AbortSignal): Promise<Desired>;
  /**
   * Calls `changed` with the deckies in which a reading differs from the previous one; null: any decky may differ. The
   * readings of passes count, too: a pass may have read a version of the file that was replaced before the watcher read
   * it, and those deckies need another pass.
   * @returns a function that ends the subscription
   */
  onChange(changed: (names: ReadonlySet<string> | null) => void): () => void;
}

/** Reads one host's part of a state file. The parsed file is kept until its inode, size or timestamps change. */
export function stateFileReader(path: string, host: string): StateFileReader {
  let kept: { key: string; desired: Desired } | null = null;
  let last: Desired | null = null;
  const listeners = new Set<Parameters<StateFileReader['onChange']>[0]>();

  const compared = (now: Desired): Desired => {
    const before = last;
    last = now;
    if (before === null || before === now || isSameFault(before, now)) return now;
    const changed = changedDeckies(before, now);
    if (changed === null || changed.size > 0) for (const notify of listeners) notify(changed);
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
      if (stats.size > maxBytes) throw stateFileInvalid(path, 'is larger than 64 MiB');
      const parsed = await parseStateFile(await handle.readFile(), path, host);
      const desired =
        parsed.kind === 'declared'
          ? { ...parsed, revision: randomUUID(), changedAt: Number(stats.mtimeMs) }
          : parsed;
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
        signal?.aborted === true || (attempts >= minAttempts && performance.now() >= until);
      while (true) {
        attempts += 1;
        const key = await keyAt(path);
        try {
          kept = await readOnce();
          return compared(kept.desired);
        } catch (error) {
          if (!(error instanceof NotJson) || isOver()) return compared(invalid(path, error));
          // The same bytes fail in the same way: wait until the file changes.
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

/** Whether both readings have no deckies for the same reason. Such readings are never the same object. */
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

/** How often the file is tried again when its directory is replaced at the same time. */
const maxDirectoryAttempts = 5;
/** Longer than the resolution of a directory's timestamps, so that a replaced directory has a different key. */
const tickMs = 10;

/**
 * Opens the file. Returns null if the file does not exist in an existing directory, which means that the fleet is torn
 * down. The directory must be the same before and after the file was found missing: if it was replaced in between, the
 * file may have existed all the time.
 */
async function openFile(path: string): Promise<FileHandle | null> {
  let before: string | null = null;
  for (let attempt = 0; attempt < maxDirectoryAttempts; attempt += 1) {
    try {
      // Non-blocking, so that a pipe at this path does not block the pass.
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
 * The directory of a file, with all links resolved. If it does not exist (a disk may not be mounted), the first missing
 * directory on the path.
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
