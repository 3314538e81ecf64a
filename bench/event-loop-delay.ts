/** The longest event-loop delay in milliseconds. */
export interface EventLoopDelay {
  readonly longest: number;
  /** The longest CPU time of this thread between two turns; during the rest the machine ran other processes. */
  readonly mostWork: number;
}

/** Monitors this process's event loop until the result is requested. */
export function watchEventLoopDelay(): { ended(): Promise<EventLoopDelay> } {
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
      // The current delay is measured at the next turn of the loop.
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
