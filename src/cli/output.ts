import { closeSync, fstatSync, writeSync } from 'node:fs';
import { codeOf } from '../lib/errors.ts';

/** The standard output. What could not be written there is known in the end. */
export interface Output {
  write(text: string): void;
  /** Resolves when what was written has left this process, so that the next does not pile up. */
  written(): Promise<void>;
  /**
   * Nothing more is written.
   * @returns whether everything was, or its reader went away and wanted no more; once all is told
   */
  end(): Promise<boolean>;
}

/** @param onFault told once, of the first write that failed */
export function standardOutput(onFault: (error: unknown) => void): Output {
  let isWhole = true;
  const failed = (error: unknown): void => {
    if (isReaderGone(error)) return;
    if (isWhole) onFault(error);
    isWhole = false;
  };
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      failed(error);
    }
  };
  if (isFile()) {
    return {
      write: (text) => attempt(() => writeAll(Buffer.from(text))),
      written: async () => undefined,
      end: async () => {
        // Some file systems tell only now that there was no room.
        attempt(() => closeSync(fd));
        return isWhole;
      },
    };
  }
  const written = (error?: Error | null): void => {
    if (error) failed(error);
  };
  const all = (): Promise<void> => new Promise((done) => process.stdout.write('', () => done()));
  return {
    write: (text) => void process.stdout.write(text, written),
    written: all,
    end: async () => {
      await all();
      return isWhole;
    },
  };
}

const fd = 1;

/** Whether it is written to without a wait. Of such a write Node's own stream loses what a full disk did not take. */
function isFile(): boolean {
  const stats = fstatSync(fd);
  return stats.isFile() || stats.isBlockDevice() || (stats.isCharacterDevice() && !process.stdout.isTTY);
}

function writeAll(bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** `| head`, a log's reader that ended, or a terminal that was hung up. */
function isReaderGone(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EPIPE' || code === 'ECONNRESET' || (code === 'EIO' && process.stdout.isTTY);
}
