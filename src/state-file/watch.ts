import { type FSWatcher, statSync, watch } from 'node:fs';
import { FleetError, reasonOf } from '../lib/errors.ts';
import type { Watcher } from '../worker/triggers.ts';
import { keyOf, type StateFileReader } from './read.ts';
import { type WatchTarget, watchTargets } from './watch-targets.ts';

/** Milliseconds from a change to reading the file: one write causes several events. */
const settleMs = 10;
/** Milliseconds between two checks of the file and of what to watch: not every file system sends events. */
const pollMs = 5000;

/**
 * Triggers passes for the deckies that change in the file. The file may be written in place, replaced, removed or
 * created, and a link on its path may change. It watches the directories of the file and of each link, because a watch
 * on the file gets no events after the first rename.
 */
export function watchStateFile(reader: StateFileReader): Watcher {
  return {
    start: (trigger, onFault) => {
      let seen: string | null = null;
      let timer: NodeJS.Timeout | undefined;
      let reading: Promise<void> = Promise.resolve();
      const stopFollowing = reader.onChange((names) =>
        trigger(names === null ? { kind: 'everything' } : { kind: 'deckies', names }),
      );

      const read = (): void => {
        // Before reading, so that no change after it is missed.
        watches.renew(watchTargets(reader.path));
        reading = reading.then(async () => {
          seen = versionOf(reader.path, onFault);
          await reader.read();
        });
      };
      const changed = (): void => {
        clearTimeout(timer);
        timer = setTimeout(read, settleMs);
      };
      const watches = watchSet(changed, onFault);
      read();
      const interval = setInterval(() => {
        const isNew = watches.renew(watchTargets(reader.path));
        // A watch may get no events, or fail to start: the kernel limits the number of watches.
        if (isNew || versionOf(reader.path, onFault) !== seen) changed();
      }, pollMs);
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

/** A changing set of watches. */
function watchSet(changed: () => void, onFault: (error: unknown) => void) {
  const open = new Map<string, FSWatcher>();
  const add = (key: string, { path, names }: WatchTarget): void => {
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
    /** Watches exactly these targets. @returns whether a watch was added */
    renew: (targets: ReadonlyMap<string, WatchTarget>): boolean => {
      for (const [key, watcher] of open) {
        if (targets.has(key)) continue;
        watcher.close();
        open.delete(key);
      }
      const missing = [...targets].filter(([key]) => !open.has(key));
      for (const [key, target] of missing) add(key, target);
      return missing.some(([key]) => open.has(key));
    },
  };
}

/** A text that changes when the file is written, replaced or removed, or when the path leads to another file. */
function versionOf(file: string, onFault: (error: unknown) => void): string {
  try {
    const found = statSync(file, { throwIfNoEntry: false, bigint: true });
    if (found?.nlink === 0n) onFault(orphaned(file));
    return found === undefined ? 'absent' : keyOf(found);
  } catch (error) {
    return reasonOf(error);
  }
}

/** The file has no name left besides its mount point, so a new file in its place will not be visible here. */
const orphaned = (file: string): FleetError =>
  new FleetError('STATE_FILE_INVALID', `${file} is mounted as a single file, and its source was replaced`, {
    advice: 'Mount its directory instead',
  });
