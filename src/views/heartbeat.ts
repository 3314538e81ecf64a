import type { WithheldKind } from '../fleet/heartbeat.ts';

/** The heartbeat to the outside, for `doctor` and `/metrics`. */
export interface HeartbeatView {
  /** Seconds since the last one was sent, by the database's clock; null: none was. */
  readonly sentAgeSeconds: number | null;
  /** Why it is not sent now; null: it is. */
  readonly why: WithheldKind | null;
  readonly reason: string | null;
  /** The address of the receiver without its path. */
  readonly receiver: string;
}
