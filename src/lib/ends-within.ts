const parts = 10;

/**
 * Waits for a promise with a time limit. The limit is waited for in steps, so that a process that could not run for some time
 * (stopped, or on a busy machine) reads the answer that came meanwhile before the limit is over.
 * @param ms milliseconds
 * @returns whether it resolved in time @throws its error if it rejects in time
 */
export async function endsWithin(ms: number, something: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((done) => {
    const wait = (left: number): void => {
      timer = setTimeout(() => (left > 1 ? wait(left - 1) : done(false)), ms / parts);
    };
    wait(parts);
  });
  try {
    return await Promise.race([something.then(() => true as const), limit]);
  } finally {
    clearTimeout(timer);
  }
}
