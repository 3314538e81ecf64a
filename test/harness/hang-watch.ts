import { execFile } from 'node:child_process';
import { relative } from 'node:path';
import type { run } from 'node:test';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/lib/package.ts';

type TestsStream = ReturnType<typeof run>;
interface Event {
  readonly file?: string;
  readonly name: string;
  readonly testId: number;
}

/**
 * Ends a run in which a test hangs, and reports the test.
 * @param longest the time limit of a test in milliseconds
 */
export function hangWatch(longest: number) {
  const underWay = new Map<string, string>();
  const givenUp = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const giveUp = async (): Promise<void> => {
    console.log(`\nno test has ended for ${longest / 1000} s; under way:`);
    for (const text of underWay.values()) console.log(`  ${text}`);
    const processes = promisify(execFile)('ps', ['-eo', 'pid,ppid,etimes,stat,wchan:20,args', '--forest']);
    await processes.then(({ stdout }) => console.log(stdout)).catch(() => undefined);
    givenUp.abort();
  };
  const hear = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void giveUp(), longest);
  };
  return {
    /** Aborted when a test hangs. */
    signal: givenUp.signal,
    follow: (stream: TestsStream): void => {
      // The test of a file belongs to this process, those in it to the child process, so their numbers may be equal.
      const key = ({ file, name, testId }: Event): string => `${file} ${testId} ${name}`;
      hear();
      stream.on('test:dequeue', (event) => {
        const file = relative(packageRoot, event.file ?? '');
        underWay.set(
          key(event),
          event.name === event.file ? `the process of ${file}` : `${file}: ${event.name}`,
        );
        hear();
      });
      stream.on('test:complete', (event) => {
        underWay.delete(key(event));
        hear();
      });
      stream.once('end', () => clearTimeout(timer));
    },
  };
}
