/** For how long an event loop stood still at most, milliseconds. */
export interface Standstill {
  readonly longest: number;
  /** The most that this thread worked between two turns: of the rest, the machine gave its processor to others. */
  readonly mostWork: number;
}

/** Watches this process's event loop until it is asked. */
export function watchStandstill(): { ended(): Promise<Standstill> } {
  let [longest, mostWork] = [0, 0];
  let [turned, worked] = [performance.now(), threadTime()];
  const turn = (): void => {
    const [now, work] = [performance.now(), threadTime()];
    longest = Math.max(longest, now - turned);
    mostWork = Math.max(mostWork, work - worked);
    [turned, worked] = [now, work];
  };
  const timer = setInterval(turn, 1);
  return {
    ended: async () => {
      // The stretch that is ending now is seen at the next turn of the loop.
      await new Promise((done) => setTimeout(done, 5));
      clearInterval(timer);
      return { longest, mostWork };
    },
  };
}

function threadTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
