/** Limits for the answers of an engine, which may be broken or hostile. */
export interface EngineLimits {
  /** The maximum size in bytes of all listings of one observation. */
  readonly listingBytes: number;
  /** The maximum number of containers in the same listings. A large host has 400,000 of 1.5 kB each. */
  readonly containers: number;
  /** The maximum size of one container in a listing, in bytes. */
  readonly containerBytes: number;
  /** The maximum length of a line of the event stream, in bytes. */
  readonly eventBytes: number;
  /** The maximum size of any other answer, in bytes. */
  readonly bodyBytes: number;
  /** The maximum size of an error message, in bytes. */
  readonly errorBytes: number;
  /** The time limit of a listing in milliseconds: a base, an addition for each container, and a maximum. @see CONTRACT.md, rule 6 */
  readonly listingMs: { readonly base: number; readonly perContainer: number; readonly max: number };
  /** The time limit of any other request, in milliseconds. */
  readonly askMs: number;
  /** Milliseconds between two pings while the event stream is open. */
  readonly pingEveryMs: number;
  /** The maximum number of concurrent inspections after events. */
  readonly settleConcurrency: number;
  /** The maximum number of containers that wait for such an inspection. */
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
  listingMs: { base: 10_000, perContainer: 1, max: 510_000 },
  askMs: 5_000,
  pingEveryMs: 10_000,
  settleConcurrency: 8,
  settleWaiting: 1000,
};

/** A size as text: `4 MiB`. */
export const inWords = (bytes: number): string =>
  bytes >= 1024 * MiB
    ? `${bytes / (1024 * MiB)} GiB`
    : bytes >= MiB
      ? `${bytes / MiB} MiB`
      : `${bytes / 1024} KiB`;
