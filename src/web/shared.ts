/** Milliseconds for which an answer is reused for equal requests. */
const servesMs = 250;

/** Renders a page once for many readers: after a change, all readers of a page request it at the same time. */
export function shared<T>() {
  const answers = new Map<string, Promise<T>>();
  return {
    once: (key: string, make: () => Promise<T>): Promise<T> => {
      const existing = answers.get(key);
      if (existing !== undefined) return existing;
      const made = make();
      answers.set(key, made);
      const forget = (): void => {
        if (answers.get(key) === made) answers.delete(key);
      };
      made.then(() => setTimeout(forget, servesMs), forget);
      return made;
    },
    /** Drops all answers, including those in progress: their data may have been read before the change. */
    invalidate: (): void => answers.clear(),
  };
}

export type Shared<T> = ReturnType<typeof shared<T>>;

/** Limits concurrency: further calls wait until a running one ends. */
export function atMost(limit: number) {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= limit) await new Promise<void>((go) => waiting.push(go));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
