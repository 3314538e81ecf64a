/** A host that the schedule serves. */
export interface ScheduledHost {
  readonly host: string;
  /** Milliseconds. */
  readonly intervalMs: number;
}

export interface Slot {
  readonly host: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** FNV-1a, 32 bits: spreads names that differ in one character. */
function checksum(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  // The last steps of MurmurHash3: FNV alone keeps names that end alike close together.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Where in its interval a host's passes fall, in milliseconds: the same after every restart, spread over a fleet. */
export const offsetOf = (host: string, intervalMs: number): number => checksum(host) % intervalMs;

/** The first slot of a host at or after a time. */
export function nextSlot({ host, intervalMs }: ScheduledHost, from: number): number {
  const offset = offsetOf(host, intervalMs);
  return Math.ceil((from - offset) / intervalMs) * intervalMs + offset;
}

/** The slots that fall due in [from, to), at most one a host: a span is no longer than the shortest interval. */
export const slotsDue = (hosts: readonly ScheduledHost[], from: number, to: number): readonly Slot[] =>
  hosts
    .map((scheduled) => ({ host: scheduled.host, at: nextSlot(scheduled, from) }))
    .filter(({ at }) => at < to);
