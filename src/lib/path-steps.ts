import { lstatSync, readlinkSync, type Stats } from 'node:fs';

/** One component of the path to a file. */
export interface PathStep {
  /** Its directory, as a path without links. */
  readonly directory: string;
  readonly directoryStat: Stats;
  readonly path: string;
  /** Its `lstat`; null: it does not exist. */
  readonly stat: Stats | null;
}

/** The same limit as Linux. */
const maxLinks = 40;

/**
 * Resolves a path as the kernel does, from the root, through all directories and links. The last step is the file itself.
 * @throws Error of the file system, or for too many links
 */
export function* pathSteps(file: string): Generator<PathStep, void> {
  // Do not normalize the path: after a link, `..` is another directory.
  const names = namesOf(file.startsWith('/') ? file : `${process.cwd()}/${file}`);
  let directory = '/';
  let links = 0;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === '..') {
      lstatSync(directory);
      directory = parentOf(directory);
      continue;
    }
    const path = `${directory === '/' ? '' : directory}/${name}`;
    const stat = lstatSync(path, { throwIfNoEntry: false }) ?? null;
    yield { directory, directoryStat: lstatSync(directory), path, stat };
    if (stat?.isSymbolicLink() !== true) directory = path;
    else {
      links += 1;
      if (links > maxLinks) throw new Error(`${file} has too many links`);
      const target = readlinkSync(path);
      if (target.startsWith('/')) directory = '/';
      names.unshift(...namesOf(target));
    }
  }
}

const namesOf = (path: string): string[] => path.split('/').filter((name) => name !== '' && name !== '.');

const parentOf = (directory: string): string => directory.slice(0, directory.lastIndexOf('/')) || '/';

/** Whether users with write access to a directory can replace only their own files in it. */
export const isSticky = ({ mode }: Stats): boolean => (mode & 0o1000) !== 0;
export const isOpenToOthers = ({ mode }: Stats): boolean => (mode & 0o002) !== 0;
export const isOpenToGroup = ({ mode }: Stats): boolean => (mode & 0o020) !== 0;
