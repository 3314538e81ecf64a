/** What must be fresh for the heartbeat to the outside to be sent. */
export interface HeartbeatFacts {
  /** Milliseconds since any scheduler finished a round; null: none is known. */
  readonly roundAgeMs: number | null;
  /** The hosts that a worker monitors, and how many of them had a full pass within three intervals. */
  readonly hosts: number;
  readonly freshHosts: number;
}

/** Why no heartbeat was sent. Without the database nothing can be recorded. */
export const withheldKinds = ['schedule', 'passes', 'receiver'] as const;
export type WithheldKind = (typeof withheldKinds)[number];

export interface Withheld {
  readonly why: WithheldKind;
  readonly reason: string;
}

/** Milliseconds; a round takes at most 30 s. */
export const roundIsOldAfterMs = 90_000;

/** The first rule that holds. */
const rules: readonly { holds(facts: HeartbeatFacts, oldAfterMs: number): boolean; withheld: Withheld }[] = [
  {
    holds: ({ roundAgeMs }, oldAfterMs) => roundAgeMs === null || roundAgeMs > oldAfterMs,
    withheld: { why: 'schedule', reason: 'no scheduler has finished a round lately' },
  },
  {
    holds: ({ hosts }) => hosts === 0,
    withheld: { why: 'passes', reason: 'no host is monitored' },
  },
  {
    holds: ({ freshHosts }) => freshHosts === 0,
    withheld: { why: 'passes', reason: 'no host had a full pass within three intervals' },
  },
];

/** Why the heartbeat must not be sent now; null: everything is fresh. */
export const withheldBecause = (facts: HeartbeatFacts, oldAfterMs: number): Withheld | null =>
  rules.find(({ holds }) => holds(facts, oldAfterMs))?.withheld ?? null;
