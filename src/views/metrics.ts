import type { Figures } from '../fleet/figures.ts';
import type { Undeclared } from '../fleet/plan/undeclared.ts';
import type { FleetState } from '../fleet/state.ts';
import type { HeartbeatView } from './heartbeat.ts';

/** The figures of one host for `/metrics`. Times are in seconds; ages use the database's clock. */
export interface HostFigures {
  readonly host: string;
  readonly intervalSeconds: number;
  /** Null: no pass yet. */
  readonly lastPassAgeSeconds: number | null;
  readonly lastFullPassAgeSeconds: number | null;
  /** Whether its last full pass is older than three intervals, or there was none. */
  readonly stale: boolean;
  /** Whether its worker stopped on request, and none has started since. */
  readonly stopped: boolean;
  /** Whether somebody paused its passes. */
  readonly paused: boolean;
  /** Whether Docker answered in the last full pass; null: no full pass yet. */
  readonly dockerUp: boolean | null;
  readonly states: Readonly<Partial<Record<FleetState, number>>>;
  readonly held: number;
  readonly contested: number;
  /** The number of deckies whose containers run though nobody declares them, by kind. */
  readonly undeclared: Readonly<Record<Undeclared['kind'], number>>;
  /** Whether a deployment is under way. */
  readonly deploying: boolean;
  /** Whether DECNET's own table is kept as ours; null: the host has none. */
  readonly decnetInSync: boolean | null;
  /** Whether another program changes it back again and again; null: the host has none. */
  readonly decnetContested: boolean | null;
  readonly figures: Figures;
}

export interface MetricsSource {
  /** Null: heartbeats are not configured. @throws FleetError as `hosts` */
  heartbeat(): Promise<HeartbeatView | null>;
  /** The figures of all hosts, sorted by name. @throws FleetError DATABASE_UNREACHABLE, SCHEMA_MISSING */
  hosts(): Promise<readonly HostFigures[]>;
}
