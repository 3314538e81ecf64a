import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { changedDeckiesInSteps } from '../fleet/content.ts';
import type { Desired } from '../fleet/desired.ts';
import { inSlices } from '../pass/slices.ts';
import type { Watcher } from '../pass/triggers.ts';
import type { StateFileReader } from './read.ts';

/** Milliseconds after a change until the file is read: a writer makes several events of one write. */
const settle = 10;
/** Milliseconds between two looks whether the directory is still the same one: no watcher tells. */
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
      let inode: number | null = null;
      let timer: NodeJS.Timeout | undefined;
      let reading: Promise<void> = Promise.resolve();
      let before: Desired | null = null;

      const read = (): void => {
        reading = reading.then(async () => {
          const after = await reader.read();
          const changed = before === null ? null : await inSlices(changedDeckiesInSteps(before, after));
          before = after;
          look(changed === null ? { kind: 'everything' } : { kind: 'deckies', names: changed });
        });
      };
      const changed = (): void => {
        clearTimeout(timer);
        timer = setTimeout(read, settle);
      };
      const attach = (): void => {
        const now = statSync(directory, { throwIfNoEntry: false })?.ino ?? null;
        if (now === inode && watcher !== null) return;
        const isFirst = inode === null && watcher === null;
        watcher?.close();
        watcher = null;
        inode = now;
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
        before = await reader.read();
      });
      const interval = setInterval(attach, checkDirectory);
      interval.unref();
      return {
        ready: reading,
        close: async () => {
          clearInterval(interval);
          clearTimeout(timer);
          watcher?.close();
          await reading;
        },
      };
    },
  };
}
