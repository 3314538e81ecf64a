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
 * @param longest the time in milliseconds within which a test of each file that runs must end
 */
export function hangWatch(longest: number) {
  const underWay = new Map<string, string>();
  const heardAt = new Map<string, number>();
  const givenUp = new AbortController();
  const giveUp = async (silent: string): Promise<void> => {
    console.log(`\nno test of ${silent} has ended for ${longest / 1000} s; under way:`);
    for (const text of underWay.values()) console.log(`  ${text}`);
    const processes = promisify(execFile)('ps', ['-eo', 'pid,ppid,etimes,stat,wchan:20,args', '--forest']);
    await processes.then(({ stdout }) => console.log(stdout)).catch(() => undefined);
    givenUp.abort();
  };
  const look = (): void => {
    const [silent] = [...heardAt].find(([, at]) => performance.now() - at > longest) ?? [];
    if (silent === undefined) return;
    heardAt.clear();
    void giveUp(silent);
  };
  return {
    /** Aborted when a test hangs. */
    signal: givenUp.signal,
    follow: (stream: TestsStream): void => {
      const timer = setInterval(look, 1000);
      const fileOf = ({ file = '' }: Event): string => relative(packageRoot, file);
      // The test of a file belongs to this process, those in it to the child process, so their numbers may be equal.
      const key = (event: Event): string => `${event.file} ${event.testId} ${event.name}`;
      const isOfFile = ({ name, file }: Event): boolean => name === file;
      stream.on('test:dequeue', (event) => {
        const file = fileOf(event);
        underWay.set(key(event), isOfFile(event) ? `the process of ${file}` : `${file}: ${event.name}`);
        heardAt.set(file, performance.now());
      });
      stream.on('test:complete', (event) => {
        underWay.delete(key(event));
        if (isOfFile(event)) heardAt.delete(fileOf(event));
        else heardAt.set(fileOf(event), performance.now());
      });
      stream.once('end', () => clearInterval(timer));
    },
  };
}
