import type { Cause } from '../plan/cause.ts';

/** A decky that is down, or keeps changing. */
export interface DeckyFacts {
  readonly host: string;
  readonly name: string;
  /** A state of `downStates`, or of any kind while it is flapping. */
  readonly state: string;
  /** What was notified before, as the message has it. */
  readonly previous: string | null;
  readonly isFlapping: boolean;
  /** Whether its row is `pending` again: nothing is told about it meanwhile. */
  readonly isDeploying: boolean;
  readonly cause: Cause | null;
  readonly reason: string | null;
  /** The image of its base container. */
  readonly image: string | null;
  readonly since: number;
  /** The incident that it belonged to at the last evaluation. */
  readonly under: string | null;
  /** Whether a message has told that this incident affects it. */
  readonly isTold: boolean;
}
