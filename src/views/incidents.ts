import type { Extent, Resolution } from '../fleet/incidents/follow.ts';
import type { IncidentKind, NextStep, Severity } from '../fleet/incidents/incident.ts';
import type { AcknowledgedView, SilencedView } from './silences.ts';

/** One incident in the output of `incidents`. Times are ISO 8601. */
export interface IncidentView {
  /** The same each time that the cause comes back. */
  readonly id: string;
  readonly kind: IncidentKind;
  readonly severity: Severity;
  readonly cause: string;
  /** How many hosts and deckies it affects now; of a closed one, the most it affected. */
  readonly hosts: number;
  readonly deckies: number;
  /** The most it affected at once. */
  readonly most: Pick<Extent, 'hosts' | 'deckies'>;
  /** The first hosts and deckies that it affects, or last affected, at most a hundred. */
  readonly affected: readonly IncidentLocation[];
  /** When the fault began. */
  readonly since: string;
  readonly opened_at: string;
  /** When what it affects changed last. */
  readonly changed_at: string;
  /** Null: it is open. */
  readonly closed_at: string | null;
  readonly resolution: Resolution | null;
  /** Seconds until it was closed, or until now. */
  readonly duration_s: number;
  /** The silence that keeps it from being sent; null: none does. */
  readonly silenced: SilencedView | null;
  /** Who takes care of it; null: nobody has said so. */
  readonly acknowledged: AcknowledgedView | null;
  readonly next: NextStep;
}

export interface IncidentLocation {
  /** Null: a part of the control plane. */
  readonly host: string | null;
  /** A decky; null: the host itself, or a part of the control plane. */
  readonly name: string | null;
  readonly state: string | null;
}

export interface IncidentFilter {
  /** Only open ones. */
  readonly open: boolean;
  /** Also those that were closed since then. ISO 8601; null: all. */
  readonly since: string | null;
  readonly limit: number;
}
