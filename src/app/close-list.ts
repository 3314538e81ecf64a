import { endsWithin } from '../lib/ends-within.ts';
import type { Log } from '../lib/log.ts';

/** What a process has opened and must close. */
export interface CloseList {
  /** Registers something to close; it is closed before everything that was opened earlier. */
  closing<T extends { close(): Promise<void> }>(made: T): T;
  isClosed(): boolean;
  close(): Promise<void>;
}

const closeWithinMs = 9000; // for each

export function closeList(log: Log): CloseList {
  const closers: (() => Promise<void>)[] = [];
  let isClosed = false;
  return {
    closing: (made) => {
      closers.push(() => made.close());
      return made;
    },
    isClosed: () => isClosed,
    close: async () => {
      isClosed = true;
      for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
        // A store that hangs must neither block the process nor prevent the other stores from being closed.
        await endsWithin(closeWithinMs, close()).catch((error: unknown) =>
          log.debug({ error }, 'closing failed'),
        );
      }
    },
  };
}
