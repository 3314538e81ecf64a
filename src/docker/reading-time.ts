/**
 * The time for reads that are long for the kernel, as a share of a core. Time that is not used adds up to a maximum. Reads of a
 * whole host leave a part of it to those of single deckies, for which somebody waits.
 */
const share = 0.004;
const maxMs = 200;
const reservedMs = 50;

export interface ReadingTime {
  /** @param isWhole whether the read belongs to those of a whole host */
  isLeft(isWhole: boolean): boolean;
  spend<T>(read: () => T): T;
}

export function readingTime(): ReadingTime {
  let leftMs = maxMs;
  let atMs = performance.now();
  return {
    isLeft: (isWhole) => {
      const nowMs = performance.now();
      leftMs = Math.min(maxMs, leftMs + (nowMs - atMs) * share);
      atMs = nowMs;
      return leftMs > (isWhole ? reservedMs : 0);
    },
    spend: (read) => {
      const before = process.cpuUsage();
      try {
        return read();
      } finally {
        const { user, system } = process.cpuUsage(before);
        leftMs -= (user + system) / 1000;
      }
    },
  };
}
