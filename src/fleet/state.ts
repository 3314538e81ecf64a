/** The states of a row. @see DOMAIN.md, `fleet_deckies` */
export const fleetStates = [
  'pending',
  'running',
  'failed',
  'degraded',
  'torn_down',
  'tearing_down',
  'teardown_failed',
] as const;

export type FleetState = (typeof fleetStates)[number];

export const isFleetState = (text: string): text is FleetState =>
  (fleetStates as readonly string[]).includes(text);

/** The states that can be observed; `pending`: it is being deployed. The others are set by programs that tear down. */
export type ObservedState = Extract<FleetState, 'pending' | 'running' | 'failed' | 'degraded' | 'torn_down'>;

/**
 * Whether a pass may change the state of a row during its grace period. It may not while the row is `tearing_down`. Any
 * other row may become `running`, and may take any state once it `ran` since it was written. @see CONTRACT.md, rule 4
 */
export const graceAllows = (change: { from: FleetState; to: FleetState; ran: boolean }): boolean =>
  change.from !== 'tearing_down' && (change.ran || change.to === 'running');
