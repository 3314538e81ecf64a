/** What waits for a receiver, for `doctor` and `/metrics`. */
export interface UndeliveredView {
  /** Its name. */
  readonly receiver: string;
  readonly waiting: number;
  /** Of them those that were sent and did not arrive. */
  readonly failed: number;
  /** Seconds since the oldest of the latter was written; null: there is none. */
  readonly failedAgeSeconds: number | null;
  /** Why the latest attempt failed; null: not known. */
  readonly fault: string | null;
}
