import type { Stats } from 'node:fs';
import { basename } from 'node:path';
import { pathSteps } from '../path-steps.ts';

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
  const directories = new Map<string, { stat: Stats; names: Set<string> }>();
  const add = (directory: string, stat: Stats, path: string): void => {
    // Told of itself, that it was removed or moved, a directory has its own name.
    const place = directories.get(directory) ?? { stat, names: new Set([basename(directory)]) };
    directories.set(directory, { stat, names: place.names.add(basename(path)) });
  };
  const places = new Map<string, Place>();
  let last: Parameters<typeof add> | null = null;
  let target: { path: string; stat: Stats } | null = null;
  try {
    for (const { directory, directoryStat, path, stat } of pathSteps(file)) {
      last = [directory, directoryStat, path];
      target = stat?.isFile() ? { path, stat } : null;
      if (stat?.isSymbolicLink()) add(...last);
    }
  } catch {
    // What was walked is watched all the same.
  }
  if (last !== null) add(...last);
  for (const [path, { stat, names }] of directories)
    places.set([identityOf(stat), path, ...names].join('\n'), { path, names });
  // A file that is mounted by itself has another directory than the one that it is seen in: that one is told nothing.
  if (target !== null)
    places.set([identityOf(target.stat), target.path].join('\n'), { path: target.path, names: null });
  return places;
}

/** What was made again may have the number of the one before. */
const identityOf = ({ dev, ino, birthtimeMs }: Stats): string => `${dev} ${ino} ${birthtimeMs}`;
