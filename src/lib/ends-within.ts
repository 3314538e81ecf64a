/**
 * Waits for something, but no longer than this.
 * @param ms milliseconds
 * @returns whether it ended in time @throws what it throws in time
 */
export async function endsWithin(ms: number, something: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((done) => {
    timer = setTimeout(() => done(false), ms);
  });
  try {
    return await Promise.race([something.then(() => true as const), limit]);
  } finally {
    clearTimeout(timer);
  }
}
