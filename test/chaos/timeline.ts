/** The values of something over time. Times are epoch milliseconds of this machine. */
export interface Timeline<T> {
  set(value: T, at?: number): void;
  now(): T;
  /** Each value that it had at any moment from `from` to `to`, without repetition. */
  within(from: number, to: number): readonly T[];
}

/** Removes values that are no longer needed. */
const keptMs = 180_000;

export function timeline<T>(first: T, at = 0): Timeline<T> {
  const entries: { readonly from: number; readonly value: T }[] = [{ from: at, value: first }];
  const latest = (): { readonly from: number; readonly value: T } => {
    const last = entries.at(-1);
    if (last === undefined) throw new Error('a timeline has a first value');
    return last;
  };
  return {
    set: (value, from = Date.now()) => {
      entries.push({ from, value });
      while (entries.length > 1 && (entries[1]?.from ?? 0) < from - keptMs) entries.shift();
    },
    now: () => latest().value,
    within: (from, to) => {
      const found = entries.filter(
        (entry, at) => entry.from <= to && (entries[at + 1]?.from ?? Number.POSITIVE_INFINITY) >= from,
      );
      return [...new Set(found.map(({ value }) => value))];
    },
  };
}
