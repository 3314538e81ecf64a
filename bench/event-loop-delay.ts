/** The longest event-loop delay in milliseconds. */
export interface EventLoopDelay {
  readonly longest: number;
  /** The longest CPU time of this thread between two iterations of its event loop; during the rest the machine ran other processes. */
  readonly maxWork: number;
}

/** Monitors this process's event loop until the result is requested. */
export function watchEventLoopDelay(): { ended(): Promise<EventLoopDelay> } {
  let [longest, maxWork] = [0, 0];
  let [startedAt, worked] = [performance.now(), threadTime()];
  const iteration = (): void => {
    const [now, work] = [performance.now(), threadTime()];
    longest = Math.max(longest, now - startedAt);
    maxWork = Math.max(maxWork, work - worked);
    [startedAt, worked] = [now, work];
  };
  const timer = setInterval(iteration, 1);
  return {
    ended: async () => {
      // The current delay is measured at the next iteration of the loop.
      await new Promise((done) => setTimeout(done, 5));
      clearInterval(timer);
      return { longest, maxWork };
    },
  };
}

function threadTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
