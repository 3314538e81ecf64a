/** What a row may say of its decky. @see DOMAIN.md, `fleet_deckies` */
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

/** The states that Docker can show; the others are words of the programs that deploy and tear down. */
export type ObservedState = Extract<FleetState, 'running' | 'failed' | 'degraded' | 'torn_down'>;

/**
 * Whether a pass may move a row that is still left to its writer: a row in tear-down not at all, any other to
 * `running`, and anywhere once it `ran` since its writer wrote it. @see CONTRACT.md, rule 4
 */
export const graceAllows = (move: { from: FleetState; to: FleetState; ran: boolean }): boolean =>
  move.from !== 'tearing_down' && (move.ran || move.to === 'running');
