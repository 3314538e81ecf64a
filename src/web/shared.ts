/** Milliseconds that an answer serves those who ask the same. */
const servesMs = 250;

/** Many readers of one page are told of a change at once: what the first one asks for is made once for all of them. */
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
    /** What is being made, too, may have been read before the change: whoever asks from now on gets a new one. */
    invalidate: (): void => answers.clear(),
  };
}

/** Runs at most so many at once; the others wait for their turn. */
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
