/**
 * Loaded into the process of each test file: it ends when its tests have, though one that failed may have left a
 * connection or a timer. The runner's own `forceExit` would end it with what it still has to report.
 */
import { after } from 'node:test';

const pollEveryMs = 500;

const endOnceWritten = (): void => {
  const timer = setTimeout(() => {
    if (process.stdout.writableLength > 0) endOnceWritten();
    else process.exit();
  }, pollEveryMs);
  // What ends by itself need not wait for it.
  timer.unref();
};

after(endOnceWritten);
