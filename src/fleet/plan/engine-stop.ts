/** A container that was asked to end, by Docker's events. Times are epoch seconds of the engine's clock. */
export interface RequestedEnd {
  readonly name: string;
  /** The first signal that it was sent; null: unknown. */
  readonly signal: number | null;
  readonly askedAt: number;
  /** Null: no event has said that it ended. */
  readonly endedAt: number | null;
}

/** Seconds between the last event and the end of the stream. Docker closes it about a second after the last container. */
const quietAtMostSeconds = 5;
/** Docker stops its containers all at once: seconds between two of them that say that they are not of one stop. */
const apartSeconds = 0.5;
/** The same, if all that were asked before had ended by then: somebody stopped these, and then Docker was stopped. */
const apartAfterEndSeconds = 0.05;
/** `docker kill` sends it, and Docker itself only to what does not end in time. */
const sigkill = 9;

/**
 * The containers that were stopped because Docker was: those that were asked to end last, and all at once, when the stream of
 * events ended. What somebody stopped right before belongs to an earlier request.
 * @param requested those whose end was asked for, in any order
 * @param quietSeconds between the last event and the end of the stream
 */
export function stoppedWithEngine(
  requested: readonly RequestedEnd[],
  quietSeconds: number,
): readonly string[] {
  if (quietSeconds > quietAtMostSeconds) return [];
  const asked = requested
    .filter(({ signal }) => signal !== sigkill)
    .sort((one, other) => one.askedAt - other.askedAt);
  let first = 0;
  let endedUntil = -Infinity;
  for (const [at, { askedAt, endedAt }] of asked.entries()) {
    const apart = askedAt - (asked[at - 1]?.askedAt ?? -Infinity);
    if (apart > (endedUntil < askedAt ? apartAfterEndSeconds : apartSeconds)) {
      first = at;
      endedUntil = -Infinity;
    }
    endedUntil = Math.max(endedUntil, endedAt ?? Infinity);
  }
  return asked.slice(first).map(({ name }) => name);
}
