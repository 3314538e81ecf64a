import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const growth = '--heap-growing-percent';

/**
 * Makes V8 keep the heap of a process that runs for long small and its garbage collection pauses short. The young
 * generation does not grow, and the old generation is collected when it has doubled. With Node's defaults, both may
 * grow to several times the size of the live objects.
 *
 * A service calls it before it loads the rest, because the young generation does not shrink once it has grown. Other commands
 * call it when all is loaded, because code that was compiled with other flags does not come from Node's compile cache.
 * @see docs/decisions/016
 */
export function keepHeapSmall(): void {
  for (const flag of ['--semi-space-growth-factor=1', `${growth}=100`]) setFlagsFromString(flag);
}

/** The bytes of received chunks that may wait for the garbage collector. V8 itself lets them grow to 64 MB. */
const maxGarbageBytes = 4 * 1024 * 1024;

/** From this size of an answer in bytes on, a host is large: about 20,000 deckies of three services. */
const longAnswerBytes = 100 * 1024 * 1024;

/**
 * Makes V8 collect the old generation when it has grown by 40 %, for as long as the process runs. On a large host memory is worth
 * more than time, and in a scheduler collections are short.
 */
export const preferMemory = (): void => setFlagsFromString(`${growth}=40`);

/**
 * Has the buffers of a long answer freed while it is read: V8 does so late if the reader allocates few objects. An answer that only a
 * large host gives makes the process prefer memory.
 * @returns call it with the size of each chunk in bytes
 */
export function freeingChunks(): (bytes: number) => void {
  let [garbageBytes, readBytes] = [0, 0];
  return (bytes) => {
    garbageBytes += bytes;
    if (garbageBytes < maxGarbageBytes) return;
    readBytes += garbageBytes;
    garbageBytes = 0;
    collectYoung();
    if (readBytes >= longAnswerBytes) preferMemory();
  };
}

/** When a process has loaded everything, in milliseconds after it called `releaseWhileIdle`, and the time between two checks. */
const idleTimes = { startMs: 10_000, everyMs: 5 * 60_000 };

/** The share of the time in which the event loop of an idle process works. That of a dashboard without readers is below 0.01. */
const idleUtilization = 0.02;

/**
 * Gives memory that is no longer needed back to the operating system: once after the start, 10 MB of a dashboard, and then in each
 * period in which the process was idle. V8 itself does so late or never in an idle process. It blocks the process for some 30 ms, and
 * longer if the heap is large, so a process that makes passes does not call it.
 */
export function releaseWhileIdle({ startMs, everyMs } = idleTimes, release = collectAll): void {
  setTimeout(release, startMs).unref();
  let before = performance.eventLoopUtilization();
  setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(before);
    before = performance.eventLoopUtilization();
    if (utilization <= idleUtilization) release();
  }, everyMs).unref();
}

const collectAll = (): void => collect({ type: 'major', flavor: 'last-resort' });

/** Takes about a millisecond. */
const collectYoung = (): void => collect({ type: 'minor' });

type Collect = (options: { readonly type: 'minor' | 'major'; readonly flavor?: 'last-resort' }) => void;
let collector: Collect | null = null;

function collect(options: Parameters<Collect>[0]): void {
  if (collector === null) {
    setFlagsFromString('--expose-gc');
    collector = runInNewContext('gc') as Collect;
  }
  collector(options);
}
