import type { Figures } from '../fleet/figures.ts';
import type { FleetState } from '../fleet/state.ts';

/** One host as metrics tell it. Times are seconds, ages by the database's clock. */
export interface HostFigures {
  readonly host: string;
  readonly intervalSeconds: number;
  /** Null: no pass was there yet. */
  readonly lastPassAge: number | null;
  readonly lastFullPassAge: number | null;
  /** Its last full pass is older than three intervals, or there was none. */
  readonly stale: boolean;
  /** Docker answered the last full pass; null: there was none. */
  readonly dockerUp: boolean | null;
  readonly states: Readonly<Partial<Record<FleetState, number>>>;
  readonly held: number;
  readonly contested: number;
  readonly figures: Figures;
}

export interface MetricsSource {
  /** All hosts, in the order of their names. @throws FleetError DATABASE_UNREACHABLE, SCHEMA_MISSING */
  hosts(): Promise<readonly HostFigures[]>;
}
