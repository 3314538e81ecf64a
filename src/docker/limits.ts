/** How much of what an engine sends is taken: it may be broken, or hostile. */
export interface EngineLimits {
  /** Bytes of a whole listing, or of all that look at some deckies at once. */
  readonly listingBytes: number;
  /** Containers of the same. A large host has 400,000 of 1.5 kB each. */
  readonly containers: number;
  /** Bytes of one container of a listing. */
  readonly containerBytes: number;
  /** Bytes of one line of the event stream. */
  readonly eventBytes: number;
  /** Bytes of any other answer. */
  readonly bodyBytes: number;
  /** Bytes of what says why a request failed. */
  readonly errorBytes: number;
  /** Milliseconds for one listing, and per container that there was the last time or has arrived; at most. @see CONTRACT.md, rule 6 */
  readonly listingMs: { readonly base: number; readonly perContainer: number; readonly most: number };
  /** Milliseconds for an inspection, or what the engine says of itself. */
  readonly askMs: number;
  /** Milliseconds between two pings, while the event stream is silent or not. */
  readonly pingEveryMs: number;
  /** Inspections after events that run at once. */
  readonly settleAtOnce: number;
  /** Containers that wait for such an inspection. */
  readonly settleWaiting: number;
}

const MiB = 1024 * 1024;

export const engineLimits: EngineLimits = {
  listingBytes: 1024 * MiB,
  containers: 500_000,
  containerBytes: MiB,
  eventBytes: MiB,
  bodyBytes: 4 * MiB,
  errorBytes: 64 * 1024,
  listingMs: { base: 10_000, perContainer: 1, most: 510_000 },
  askMs: 5_000,
  pingEveryMs: 10_000,
  settleAtOnce: 8,
  settleWaiting: 1000,
};

/** Bytes in words that are read at a glance. */
export const inWords = (bytes: number): string =>
  bytes >= 1024 * MiB
    ? `${bytes / (1024 * MiB)} GiB`
    : bytes >= MiB
      ? `${bytes / MiB} MiB`
      : `${bytes / 1024} KiB`;
