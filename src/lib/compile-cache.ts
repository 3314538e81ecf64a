import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Environment } from './environment.ts';
import { isOpenToGroup, isOpenToOthers, isSticky, pathSteps } from './path-steps.ts';

/*
 * What Node compiled once it keeps in a directory, and runs from there without a look at the source beyond a checksum that
 * anybody can make. So whoever may write to that directory is whoever runs it: Node's own default, a fixed name in the
 * temporary directory, is anybody's who comes first.
 *
 * What this file imports is loaded before there is a cache, and so is never in it: a worker may use none of that, or it has to
 * strip its types at each start.
 */

/**
 * Has Node keep what it compiles where this user alone may write; where there is no such place, it keeps nothing.
 * @returns that directory; null: there is none
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
 * What `NODE_COMPILE_CACHE` names, else the user's own place for caches. It is made if need be.
 * @returns null: it cannot be made, or others may write to it
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

/** @returns made: what is made where it is missing, in this order */
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

/** What is at a path, itself; null: nothing. @throws where somebody else may put another thing there */
function ownStat(path: string, user: number): Stats | null {
  const isOurs = ({ uid }: Stats): boolean => uid === 0 || uid === user;
  for (const { directoryStat, stat } of pathSteps(path)) {
    const isOpen = isOpenToGroup(directoryStat) || isOpenToOthers(directoryStat);
    const isSafe = isOurs(directoryStat) && (!isOpen || isSticky(directoryStat));
    if (!isSafe || (stat !== null && !isOurs(stat))) throw new Error(`${path} is not this user's alone`);
    if (stat === null) return null;
  }
  return lstatSync(path);
}

/**
 * Node takes `NODE_COMPILE_CACHE` before any code of ours runs, and does not give it up any more: the process is replaced,
 * pid and all, by one without it.
 */
function leaveCacheOf(env: Environment): void {
  if (getCompileCacheDir() === undefined || process.execve === undefined) return;
  const { NODE_COMPILE_CACHE: _, ...others } = env;
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    ...others,
    NODE_DISABLE_COMPILE_CACHE: '1',
  });
}
