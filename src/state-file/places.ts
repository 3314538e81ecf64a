import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** What a watch is put on. */
export interface Place {
  readonly path: string;
  /** Which names in a directory matter; null: it is the file itself. */
  readonly names: ReadonlySet<string> | null;
}

/**
 * All that decides what a path leads to: each link on the way, in the directory where it stands; the file, in its directory
 * and by itself; where the way ends early, the first name that is not there. By a key that is another one once the same
 * path leads to another directory or file.
 */
export function placesOf(file: string): ReadonlyMap<string, Place> {
  const directories = new Map<string, Set<string>>();
  const add = (path: string): void => {
    const directory = dirname(path);
    // Told of itself, that it was removed or moved, a directory has its own name.
    const names = directories.get(directory) ?? new Set([basename(directory)]);
    directories.set(directory, names.add(basename(path)));
  };
  const end = endOf(resolve(file), add);
  add(end.path);
  const places = new Map<string, Place>();
  for (const [path, names] of directories) {
    const found = attempt(() => lstatSync(path));
    if (found !== null) places.set([identityOf(found), path, ...names].join('\n'), { path, names });
  }
  // A file that is mounted by itself has another directory than the one that it is seen in: that one is told nothing.
  if (end.stat?.isFile()) places.set(`${identityOf(end.stat)}\n${end.path}`, { path: end.path, names: null });
  return places;
}

interface End {
  /** Without links. */
  readonly path: string;
  /** Null: nothing is there, or it cannot be told. */
  readonly stat: Stats | null;
}

/** As many links as Linux follows. */
const mostLinks = 40;

/**
 * Where a path leads, over every link; or how far. Not told by `path-steps.ts`: that is loaded before there is a compile
 * cache, so that each worker would have to strip it of its types, and keep what does so in memory.
 * @param onLink told where each link stands
 */
function endOf(path: string, onLink: (at: string) => void, links = mostLinks): End {
  const parent = dirname(path);
  const above = parent === path ? null : endOf(parent, onLink, links);
  // What is missing is so for all that is below it.
  if (above !== null && above.stat === null) return above;
  const at = above === null ? path : join(above.path, basename(path));
  const stat = attempt(() => lstatSync(at));
  const target = stat?.isSymbolicLink() && links > 0 ? attempt(() => readlinkSync(at)) : null;
  if (target === null) return { path: at, stat };
  onLink(at);
  return endOf(resolve(dirname(at), target), onLink, links - 1);
}

/** It may go away at any moment. */
function attempt<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}

/** What was made again may have the number of the one before. */
const identityOf = ({ dev, ino, birthtimeMs }: Stats): string => `${dev} ${ino} ${birthtimeMs}`;
