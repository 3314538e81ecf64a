import { withinLimit } from '../lib/within-limit.ts';

export interface BackendListener {
  /** The store was lost, or is back; once each. */
  outage(down: boolean, error?: unknown): void;
}

export type Emitter = { on(event: 'error', listener: (error: Error) => void): unknown };

/** Milliseconds between two tries whether a store works again. */
export const probeEvery = 1000;
/** Milliseconds without an error: one queue may fail again and again while the store works. */
const quietForMs = 2500;

/**
 * BullMQ repeats an error at each retry: it is told once, until the store works again. That is tried: a store may refuse
 * (out of memory, read-only) while its connections stay, and nothing tells when it no longer does.
 */
export function outageWatch(listener: BackendListener) {
  let isDown = false;
  let isClosed = false;
  let failedAt = 0;
  let probe: () => Promise<unknown> = async () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const whenBack: (() => void)[] = [];
  const recovered = (): void => {
    if (!isDown) return;
    isDown = false;
    clearTimeout(timer);
    listener.outage(false);
    for (const tell of whenBack) tell();
  };
  const tryAgain = (): void => {
    if (isClosed) return;
    timer = setTimeout(() => {
      const isQuiet = (): boolean => performance.now() - failedAt > quietForMs;
      withinLimit(probe).then(
        () => (isQuiet() ? recovered() : tryAgain()),
        () => tryAgain(),
      );
    }, probeEvery);
    timer.unref();
  };
  return {
    watch: <E extends Emitter>(emitter: E): E => {
      emitter.on('error', (error) => {
        failedAt = performance.now();
        if (isDown) return;
        isDown = true;
        listener.outage(true, error);
        tryAgain();
      });
      return emitter;
    },
    /** @param ask resolves when the store takes a write */
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
