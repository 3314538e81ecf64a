/** Why a decky is not running, as data: the first fault that its reason names. */
export interface Cause {
  /** The service whose container is at fault; null: the base container, or there is no container at all. */
  readonly service: string | null;
  /** Docker's own word, or `restart loop`, `unhealthy`, `no container`, `cut off`, `nothing listens`. */
  readonly state: string;
  /** Null where the container has not ended. */
  readonly exitCode: number | null;
  /** Who ended the container, by Docker's events; absent: it ended by itself, or the event was missed. */
  readonly endedBy?: EndedBy;
  /** The deployment that left the decky like this; absent: none did. */
  readonly deployment?: BrokenDeployment;
}

/**
 * `request`: somebody stopped or removed it; `memory`: it ran out of memory; `engine`: Docker was stopped or restarted.
 * @see LIVING.md, "Who ended it"
 */
export const endedByKinds = ['request', 'memory', 'engine'] as const;
export type EndedBy = (typeof endedByKinds)[number];

/** A deployment that failed, or did not finish within `DECNET_ROLLOUT`. */
export interface BrokenDeployment {
  readonly outcome: 'failed' | 'unfinished';
  /** What was deployed, for people: `new-01`, `web-02, iot-01`, `the state file`. */
  readonly of: string;
}

export const isEndedBy = (value: unknown): value is EndedBy => endedByKinds.some((kind) => kind === value);

/** Whether its container ended because Docker was stopped or restarted. */
export const fellWithEngine = (cause: Cause | null): boolean => cause?.endedBy === 'engine';
