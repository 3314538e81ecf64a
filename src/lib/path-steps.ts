import { lstatSync, readlinkSync, type Stats } from 'node:fs';

/** One name on the way to a file. */
export interface PathStep {
  /** Where it stands: a directory without links in its path. */
  readonly directory: string;
  readonly directoryStat: Stats;
  readonly path: string;
  /** Of itself, not of what it links to; null: it is not there. */
  readonly stat: Stats | null;
}

/** As many links as Linux follows. */
const mostLinks = 40;

/**
 * Walks to a file as the kernel does, over every directory and every link, from the root on. The last step is the file, and
 * no link unless it leads in a circle.
 * @throws of the file system
 */
export function* pathSteps(file: string): Generator<PathStep, void> {
  // Not normalized: behind a link `..` is another directory.
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
      if (links > mostLinks) throw new Error(`${file} has too many links`);
      const target = readlinkSync(path);
      if (target.startsWith('/')) directory = '/';
      names.unshift(...namesOf(target));
    }
  }
}

const namesOf = (path: string): string[] => path.split('/').filter((name) => name !== '' && name !== '.');

const parentOf = (directory: string): string => directory.slice(0, directory.lastIndexOf('/')) || '/';

/** Whether those who may write to a directory may replace only what is their own there. */
export const isSticky = ({ mode }: Stats): boolean => (mode & 0o1000) !== 0;
export const isOpenToOthers = ({ mode }: Stats): boolean => (mode & 0o002) !== 0;
export const isOpenToGroup = ({ mode }: Stats): boolean => (mode & 0o020) !== 0;
