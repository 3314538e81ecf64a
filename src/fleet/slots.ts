/** A host in the schedule. */
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

/** FNV-1a with 32 bits, which spreads names that differ in one character. */
function checksum(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  // The final steps of MurmurHash3: without them, names with the same ending get values that are close together.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The offset of a host's passes within its interval, in milliseconds. It spreads the hosts and survives restarts. */
export const offsetOf = (host: string, intervalMs: number): number => checksum(host) % intervalMs;

/** The first slot of a host at or after a time. */
export function nextSlot({ host, intervalMs }: ScheduledHost, from: number): number {
  const offset = offsetOf(host, intervalMs);
  return Math.ceil((from - offset) / intervalMs) * intervalMs + offset;
}

/** The slots that are due in [from, to), at most one per host. The range must not exceed the shortest interval. */
export const slotsDue = (hosts: readonly ScheduledHost[], from: number, to: number): readonly Slot[] =>
  hosts
    .map((scheduled) => ({ host: scheduled.host, at: nextSlot(scheduled, from) }))
    .filter(({ at }) => at < to);
