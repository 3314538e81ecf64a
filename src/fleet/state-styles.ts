import type { FleetState } from './state.ts';

/** How urgent a state is: it works, it works in part, it does not work, or it is being deployed or torn down. */
export type Tone = 'ok' | 'warning' | 'alarm' | 'motion';

/** The glyph and the tone of a state, on pages and in the terminal. @see UI.md, "Language of states" */
export const stateStyles: Readonly<Record<FleetState, { glyph: string; tone: Tone }>> = {
  running: { glyph: '●', tone: 'ok' },
  degraded: { glyph: '◐', tone: 'warning' },
  failed: { glyph: '✖', tone: 'alarm' },
  torn_down: { glyph: '○', tone: 'alarm' },
  pending: { glyph: '◌', tone: 'motion' },
  tearing_down: { glyph: '◌', tone: 'motion' },
  teardown_failed: { glyph: '✖', tone: 'alarm' },
};

/** Worst first. */
export const severity: readonly FleetState[] = [
  'failed',
  'teardown_failed',
  'torn_down',
  'degraded',
  'tearing_down',
  'pending',
  'running',
];

/** Whether a decky in this state does not do its work, other than during a deployment or a teardown. */
export const isBroken = (state: FleetState): boolean =>
  stateStyles[state].tone === 'alarm' || stateStyles[state].tone === 'warning';
export const brokenStates: readonly FleetState[] = severity.filter(isBroken);
