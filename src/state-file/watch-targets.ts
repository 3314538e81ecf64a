import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** A file or a directory to watch. */
export interface WatchTarget {
  readonly path: string;
  /** The names to watch in a directory; null: the target is the file itself. */
  readonly names: ReadonlySet<string> | null;
}

/**
 * Everything to watch in order to notice that a file changes, or that its path leads to another file: the directory of
 * each link on the path, the directory of the file, and the file. If a name on the path is missing, the directory
 * without it. The key of a target changes when the same path leads to another directory or file.
 */
export function watchTargets(file: string): ReadonlyMap<string, WatchTarget> {
  const directories = new Map<string, Set<string>>();
  const add = (path: string): void => {
    const directory = dirname(path);
    // When a directory is removed or moved, the event has the name of the directory.
    const names = directories.get(directory) ?? new Set([basename(directory)]);
    directories.set(directory, names.add(basename(path)));
  };
  const end = endOf(resolve(file), add);
  add(end.path);
  const targets = new Map<string, WatchTarget>();
  for (const [path, names] of directories) {
    const found = attempt(() => lstatSync(path));
    if (found !== null) targets.set([identityOf(found), path, ...names].join('\n'), { path, names });
  }
  // If a file is bind-mounted, the directory in which it appears gets no events.
  if (end.stat?.isFile())
    targets.set(`${identityOf(end.stat)}\n${end.path}`, { path: end.path, names: null });
  return targets;
}

interface End {
  /** The path, with all links resolved. */
  readonly path: string;
  /** Null: the path does not exist or cannot be read. */
  readonly stat: Stats | null;
}

/** The number of links that Linux follows. */
const maxLinks = 40;

/**
 * Follows a path through every link, to its end or to the first missing name. It does not use `path-steps.ts`: that
 * module is loaded before the compile cache exists, so each worker would have to load Node's type stripper for it.
 * @param onLink called with the path of each link
 */
function endOf(path: string, onLink: (at: string) => void, links = maxLinks): End {
  const parent = dirname(path);
  const above = parent === path ? null : endOf(parent, onLink, links);
  // If a directory is missing, so is everything below it.
  if (above !== null && above.stat === null) return above;
  const at = above === null ? path : join(above.path, basename(path));
  const stat = attempt(() => lstatSync(at));
  const target = stat?.isSymbolicLink() && links > 0 ? attempt(() => readlinkSync(at)) : null;
  if (target === null) return { path: at, stat };
  onLink(at);
  return endOf(resolve(dirname(at), target), onLink, links - 1);
}

/** Returns null if `read` throws: a path may disappear at any moment. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** Includes the birth time, because a file or directory that is created again may get the same inode number. */
const identityOf = ({ dev, ino, birthtimeMs }: Stats): string => `${dev} ${ino} ${birthtimeMs}`;
