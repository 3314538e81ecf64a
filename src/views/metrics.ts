import type { Figures } from '../fleet/figures.ts';
import type { FleetState } from '../fleet/state.ts';

/** The figures of one host for `/metrics`. Times are in seconds; ages use the database's clock. */
export interface HostFigures {
  readonly host: string;
  readonly intervalSeconds: number;
  /** Null: no pass yet. */
  readonly lastPassAge: number | null;
  readonly lastFullPassAge: number | null;
  /** Whether its last full pass is older than three intervals, or there was none. */
  readonly stale: boolean;
  /** Whether Docker answered in the last full pass; null: no full pass yet. */
  readonly dockerUp: boolean | null;
  readonly states: Readonly<Partial<Record<FleetState, number>>>;
  readonly held: number;
  readonly contested: number;
  readonly figures: Figures;
}

export interface MetricsSource {
  /** The figures of all hosts, sorted by name. @throws FleetError DATABASE_UNREACHABLE, SCHEMA_MISSING */
  hosts(): Promise<readonly HostFigures[]>;
}
