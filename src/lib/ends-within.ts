/**
 * Waits for a promise with a time limit.
 * @param ms milliseconds
 * @returns whether it resolved in time @throws its error if it rejects in time
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
