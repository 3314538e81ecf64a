/** The engine's clock, read from the `Date` header of its answers; it may differ from this machine's clock. */
export interface Clock {
  /** Sets the clock from an answer. @param date its `Date` header */
  set(date: string | undefined): void;
  /** Epoch seconds. */
  now(): number;
}

export function engineClock(): Clock {
  let aheadMs = 0;
  return {
    set: (date) => {
      const at = Date.parse(date ?? '');
      // The header has a precision of one second.
      if (Math.abs(at - Date.now()) >= 2000) aheadMs = at - Date.now();
    },
    now: () => (Date.now() + aheadMs) / 1000,
  };
}
