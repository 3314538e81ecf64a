import type { Span } from '../fleet/availability.ts';
import type { Sums } from '../fleet/fleet-availability.ts';

/** A host in a part of the window. */
export interface PartOfHost extends Sums {
  readonly host_uuid: string;
  /** From 0. */
  readonly part: number;
}

export interface FleetSums {
  readonly parts: readonly PartOfHost[];
  /** How many deckies of each host are recorded, or changed in the window. */
  readonly deckies: ReadonlyMap<string, number>;
  /** Epoch milliseconds: what is older was not read, because there is too much of it. */
  readonly readFrom: number;
}

/** A window of time in equal parts. Epoch milliseconds. */
export interface PartedWindow extends Span {
  readonly parts: number;
}
