/** Deckies that are due within this many milliseconds of each other share a pass. */
const togetherMs = 200;

/**
 * One timer for the deckies that need a pass at a known time, when a grace period or the window of a restart loop ends.
 * The schedule is not enough: its interval may be a day.
 */
export function requeueTimer(onDue: (names: readonly string[]) => void) {
  /** Name → time, in milliseconds of this process's monotonic clock. */
  const due = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  const arm = (): void => {
    clearTimeout(timer);
    if (due.size === 0) return;
    timer = setTimeout(fire, Math.max(0, Math.min(...due.values()) - performance.now()) + togetherMs);
    timer.unref();
  };
  const fire = (): void => {
    const names = [...due].filter(([, at]) => at <= performance.now()).map(([name]) => name);
    for (const name of names) due.delete(name);
    if (names.length > 0) onDue(names);
    arm();
  };
  return {
    /** @param inMs name → milliseconds from now */
    set: (inMs: ReadonlyMap<string, number>) => {
      for (const [name, ms] of inMs) due.set(name, performance.now() + ms);
      arm();
    },
    clear: () => clearTimeout(timer),
  };
}
