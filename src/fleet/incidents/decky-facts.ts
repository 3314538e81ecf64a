import { isDown, pending } from '../alerts/alert.ts';
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
  /** The state of its row by now, which may not have settled. */
  readonly rowState: string;
  readonly cause: Cause | null;
  readonly reason: string | null;
  /** The image of its base container. */
  readonly image: string | null;
  readonly since: number;
  /** The incident that it belonged to at the last evaluation. */
  readonly under: string | null;
  /** Whether a message has named it as affected by this incident. */
  readonly isNotified: boolean;
}

/**
 * Whether its row is no longer down. No message names it until that has settled, or until its deployment is over.
 * @param decky absent: what is affected is no decky
 */
export const isLeaving = (decky: DeckyFacts | undefined): boolean =>
  decky !== undefined && (decky.rowState === pending || (!decky.isFlapping && !isDown(decky.rowState)));

/** Whether its row is no longer down, and it is not being deployed: that settles within seconds. */
export const runsAgain = (decky: DeckyFacts | undefined): boolean =>
  isLeaving(decky) && decky?.rowState !== pending;
