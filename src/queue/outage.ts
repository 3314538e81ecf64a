import { outageLog } from '../lib/outage-log.ts';
import { withinLimit } from '../lib/within-limit.ts';

export interface BackendListener {
  /** Called once when the store becomes unreachable, and once when it is back. */
  outage(down: boolean, error?: unknown): void;
}

export type Emitter = { on(event: 'error', listener: (error: Error) => void): unknown };

/** Milliseconds between two probes of a store during an outage. */
export const probeEveryMs = 1000;
/** An outage ends only after this many milliseconds without an error: one queue may keep failing while the probe succeeds. */
const quietForMs = 2500;

/**
 * Reports the begin and the end of an outage. BullMQ emits an error at each retry; only the first is reported. The end is
 * detected by probes: a store may refuse writes (out of memory, read-only) while its connections stay open.
 */
export function outageWatch(listener: BackendListener) {
  let isClosed = false;
  let failedAt = 0;
  let probe: () => Promise<unknown> = async () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const whenBack: (() => void)[] = [];
  const outage = outageLog(
    (error) => {
      listener.outage(true, error);
      tryAgain();
    },
    () => {
      clearTimeout(timer);
      listener.outage(false);
      for (const tell of whenBack) tell();
    },
  );
  const tryAgain = (): void => {
    if (isClosed) return;
    timer = setTimeout(() => {
      const isQuiet = (): boolean => performance.now() - failedAt > quietForMs;
      withinLimit(probe).then(
        () => (isQuiet() ? outage.works() : tryAgain()),
        () => tryAgain(),
      );
    }, probeEveryMs);
    timer.unref();
  };
  return {
    watch: <E extends Emitter>(emitter: E): E => {
      emitter.on('error', (error) => {
        failedAt = performance.now();
        outage.failed(error);
      });
      return emitter;
    },
    /** @param ask resolves when the store accepts a write */
    probeWith: (ask: () => Promise<unknown>): void => {
      probe = ask;
    },
    onRecovered: (tell: () => void) => {
      whenBack.push(tell);
    },
    close: (): void => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

export type Outage = ReturnType<typeof outageWatch>;
