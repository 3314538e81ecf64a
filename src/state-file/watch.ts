import { type FSWatcher, statSync, watch } from 'node:fs';
import { FleetError, reasonOf } from '../lib/errors.ts';
import type { Watcher } from '../worker/triggers.ts';
import { type Place, placesOf } from './places.ts';
import { keyOf, type StateFileReader } from './read.ts';

/** Milliseconds after a change until the file is read: a writer makes several events of one write. */
const settleMs = 10;
/** Milliseconds between two looks whether all that is watched is still the same: not every watcher tells. */
const lookAgainMs = 5000;

/**
 * Tells when the file changed, and which deckies in it: written in place, replaced, removed, made again, or another file
 * by another link. Its directory is watched, since a watch on the file is deaf after the first rename, and so is each link.
 */
export function watchStateFile(reader: StateFileReader): Watcher {
  return {
    start: (look, onFault) => {
      let seen: string | null = null;
      let timer: NodeJS.Timeout | undefined;
      let reading: Promise<void> = Promise.resolve();
      const stopFollowing = reader.onChange((names) =>
        look(names === null ? { kind: 'everything' } : { kind: 'deckies', names }),
      );

      const read = (): void => {
        // Before it is read: what changes from now on is told.
        watches.renew(placesOf(reader.path));
        reading = reading.then(async () => {
          seen = versionOf(reader.path, onFault);
          await reader.read();
        });
      };
      const changed = (): void => {
        clearTimeout(timer);
        timer = setTimeout(read, settleMs);
      };
      const watches = manyWatches(changed, onFault);
      read();
      const interval = setInterval(() => {
        const isOther = watches.renew(placesOf(reader.path));
        // A watch may be deaf, or not to be had: the kernel's number of them is limited.
        if (isOther || versionOf(reader.path, onFault) !== seen) changed();
      }, lookAgainMs);
      interval.unref();
      return {
        ready: reading,
        close: async () => {
          clearInterval(interval);
          clearTimeout(timer);
          watches.renew(new Map());
          stopFollowing();
          await reading;
        },
      };
    },
  };
}

/** Watches of several places, which come and go. */
function manyWatches(changed: () => void, onFault: (error: unknown) => void) {
  const open = new Map<string, FSWatcher>();
  const add = (key: string, { path, names }: Place): void => {
    try {
      const watcher = watch(path, { persistent: false }, (_event, name) => {
        if (names === null || name === null || names.has(name)) changed();
      });
      watcher.on('error', onFault);
      open.set(key, watcher);
    } catch (error) {
      onFault(error);
    }
  };
  return {
    /** Watches these and nothing else. @returns whether one of them was not watched before, and is now */
    renew: (places: ReadonlyMap<string, Place>): boolean => {
      for (const [key, watcher] of open) {
        if (places.has(key)) continue;
        watcher.close();
        open.delete(key);
      }
      const missing = [...places].filter(([key]) => !open.has(key));
      for (const [key, place] of missing) add(key, place);
      return missing.some(([key]) => open.has(key));
    },
  };
}

/** Another text: the file was written, replaced or removed, or the path leads to another one. */
function versionOf(file: string, onFault: (error: unknown) => void): string {
  try {
    const found = statSync(file, { throwIfNoEntry: false, bigint: true });
    if (found?.nlink === 0n) onFault(orphaned(file));
    return found === undefined ? 'absent' : keyOf(found);
  } catch (error) {
    return reasonOf(error);
  }
}

/** No name leads to it any more but the one by which it was mounted: whoever writes the next one, it is not seen here. */
const orphaned = (file: string): FleetError =>
  new FleetError('STATE_FILE_INVALID', `${file} is mounted by itself, and was replaced where it comes from`, {
    advice: 'Mount its directory instead',
  });
