/** Why a decky is not running, as data: the first fault that its reason names. */
export interface Cause {
  /** The service whose container is at fault; null: the base container, or there is no container at all. */
  readonly service: string | null;
  /** Docker's own word, or `restart loop`, `unhealthy`, `no container`. */
  readonly state: string;
  /** Null where the container has not ended. */
  readonly exitCode: number | null;
}
