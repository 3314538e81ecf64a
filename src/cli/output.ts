import { closeSync, fstatSync, writeSync } from 'node:fs';
import { codeOf } from '../lib/errors.ts';

/** Standard output that keeps track of failed writes. */
export interface Output {
  write(text: string): void;
  /** Resolves when everything written so far has left this process; for back-pressure. */
  written(): Promise<void>;
  /**
   * Ends the output, after all writes have completed.
   * @returns whether everything was written, or the reader went away
   */
  end(): Promise<boolean>;
}

/** @param onFault called once, with the error of the first write that failed */
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
        // Some file systems report a full disk only when the file is closed.
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

/** Whether writes are synchronous. Node's own stream ignores a short write to a file on a full disk. */
function isFile(): boolean {
  const stats = fstatSync(fd);
  return stats.isFile() || stats.isBlockDevice() || (stats.isCharacterDevice() && !process.stdout.isTTY);
}

function writeAll(bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** Whether the reader went away: `| head`, a log collector that ended, or a closed terminal. */
function isReaderGone(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EPIPE' || code === 'ECONNRESET' || (code === 'EIO' && process.stdout.isTTY);
}
