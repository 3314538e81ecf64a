import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Environment } from './environment.ts';
import { isOpenToGroup, isOpenToOthers, isSticky, pathSteps } from './path-steps.ts';

/*
 * Node keeps compiled code in a directory, and runs it after checking only a checksum of the source, which anyone can compute.
 * A user who can write to the directory can therefore run code as this user. Node's default is a fixed name in the temporary
 * directory, which any user can create first.
 *
 * The imports of this file are loaded before the cache is enabled, so they are never cached. A worker must not import
 * them, or it has to strip their types at each start.
 */

/**
 * Enables Node's compile cache in a directory that only this user can write to, or disables it when there is none.
 * @returns the directory; null: none
 */
export function enableOwnCompileCache(env: Environment): string | null {
  const directory = ownCacheDirectory(env);
  if (directory === null) {
    leaveCacheOf(env);
    return null;
  }
  enableCompileCache(directory);
  return getCompileCacheDir() === undefined ? null : directory;
}

/**
 * The directory in `NODE_COMPILE_CACHE`, else this user's cache directory. It is created if necessary.
 * @returns null: it cannot be created, or other users can write to it
 */
export function ownCacheDirectory(env: Environment): string | null {
  const user = process.geteuid?.();
  if (user === undefined) return null;
  try {
    const { directory, made } = wanted(env, user);
    for (const one of made) if (ownStat(one, user) === null) mkdirSync(one, { mode: 0o700 });
    const found = ownStat(directory, user);
    return found?.isDirectory() && found.uid === user && (found.mode & 0o077) === 0 ? directory : null;
  } catch {
    return null;
  }
}

/** @returns made: the directories to create if they are missing, in this order */
function wanted(env: Environment, user: number): { directory: string; made: readonly string[] } {
  if (env.NODE_COMPILE_CACHE) {
    const directory = resolve(env.NODE_COMPILE_CACHE);
    return { directory, made: [directory] };
  }
  const name = 'decnet-fleet';
  if (user === 0) {
    const directory = join('/var/cache', name);
    return { directory, made: [directory] };
  }
  const xdg = env.XDG_CACHE_HOME;
  const home = xdg && isAbsolute(xdg) ? xdg : join(env.HOME || homedir(), '.cache');
  const directory = join(resolve(home), name);
  return { directory, made: [dirname(directory), directory] };
}

/** `lstat` of a path; null: it does not exist. @throws Error when another user can replace it */
function ownStat(path: string, user: number): Stats | null {
  const isOurs = ({ uid }: Stats): boolean => uid === 0 || uid === user;
  for (const { directoryStat, stat } of pathSteps(path)) {
    const isOpen = isOpenToGroup(directoryStat) || isOpenToOthers(directoryStat);
    const isSafe = isOurs(directoryStat) && (!isOpen || isSticky(directoryStat));
    if (!isSafe || (stat !== null && !isOurs(stat))) throw new Error(`${path} can be changed by other users`);
    if (stat === null) return null;
  }
  return lstatSync(path);
}

/**
 * Replaces the process with one without the cache (same pid): Node applies `NODE_COMPILE_CACHE` before any code of this program
 * runs, and it cannot be disabled afterwards.
 */
function leaveCacheOf(env: Environment): void {
  if (getCompileCacheDir() === undefined || process.execve === undefined) return;
  const { NODE_COMPILE_CACHE: _, ...others } = env;
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    ...others,
    NODE_DISABLE_COMPILE_CACHE: '1',
  });
}
