/** The state of something that works or fails. */
export interface OutageLog<C> {
  failed(cause: C): void;
  works(): void;
  isDown(): boolean;
}

/** Reports the first failure, and the first success after failures. */
export function outageLog<C = unknown>(
  began: (cause: C) => void,
  ended: () => void = () => undefined,
): OutageLog<C> {
  let isDown = false;
  return {
    failed: (cause) => {
      if (isDown) return;
      isDown = true;
      began(cause);
    },
    works: () => {
      if (!isDown) return;
      isDown = false;
      ended();
    },
    isDown: () => isDown,
  };
}

/**
 * Compares problems with those of the previous call, so that each is reported once when it begins and once when it ends.
 * @param nameOf problems with the same name are the same problem
 */
export function problemChanges<P>(nameOf: (problem: P) => string) {
  let known: ReadonlySet<string> = new Set();
  return (now: readonly P[]): { readonly began: readonly P[]; readonly ended: readonly string[] } => {
    const names = new Set(now.map(nameOf));
    const began = now.filter((problem) => !known.has(nameOf(problem)));
    const ended = [...known].filter((name) => !names.has(name));
    known = names;
    return { began, ended };
  };
}
