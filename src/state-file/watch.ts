import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { reasonOf } from '../errors.ts';
import type { Watcher } from '../pass/triggers.ts';
import type { StateFileReader } from './read.ts';

/** Milliseconds after a change until the file is read: a writer makes several events of one write. */
const settle = 10;
/** Milliseconds between two looks whether the directory and the file are still the same: not every watcher tells. */
const checkDirectory = 5000;

/**
 * Tells when the file changed, and which deckies in it: written in place, replaced, removed, made again. The directory
 * is watched, since a watch on the file is deaf after the first rename.
 */
export function watchStateFile(reader: StateFileReader): Watcher {
  return {
    start: (look, onFault) => {
      const directory = dirname(reader.path);
      const name = basename(reader.path);
      let watcher: FSWatcher | null = null;
      let identity: string | null = null;
      let seen: string | null = null;
      let timer: NodeJS.Timeout | undefined;
      let reading: Promise<void> = Promise.resolve();
      const stopFollowing = reader.onChange((names) =>
        look(names === null ? { kind: 'everything' } : { kind: 'deckies', names }),
      );

      const read = (): void => {
        reading = reading.then(async () => {
          seen = versionOf(reader.path);
          await reader.read();
        });
      };
      const changed = (): void => {
        clearTimeout(timer);
        timer = setTimeout(read, settle);
      };
      const attach = (): void => {
        const now = identityOf(directory);
        if (now === identity && watcher !== null) return;
        const isFirst = identity === null && watcher === null;
        watcher?.close();
        watcher = null;
        identity = now;
        if (now === null) return;
        try {
          watcher = watch(directory, { persistent: false }, (_event, file) => {
            if (file === null || file === name) changed();
          });
          watcher.on('error', onFault);
          if (!isFirst) changed();
        } catch (error) {
          onFault(error);
        }
      };
      attach();
      reading = reading.then(async () => {
        seen = versionOf(reader.path);
        await reader.read();
      });
      const interval = setInterval(() => {
        attach();
        // A watch may be deaf, or not to be had: the kernel's number of them is limited.
        if (versionOf(reader.path) !== seen) changed();
      }, checkDirectory);
      interval.unref();
      return {
        ready: reading,
        close: async () => {
          clearInterval(interval);
          clearTimeout(timer);
          watcher?.close();
          stopFollowing();
          await reading;
        },
      };
    },
  };
}

/** A directory that was made again may have the number of the one before. Null: there is none. */
function identityOf(directory: string): string | null {
  const found = statSync(directory, { throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev} ${found.ino} ${found.birthtimeMs}`;
}

/** Another text: the file was written, replaced or removed. */
function versionOf(file: string): string {
  try {
    const found = statSync(file, { throwIfNoEntry: false, bigint: true });
    return found === undefined ? 'absent' : `${found.ino} ${found.size} ${found.mtimeNs}`;
  } catch (error) {
    return reasonOf(error);
  }
}
