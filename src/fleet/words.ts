import type { FleetState } from './state.ts';

/** How urgent a state is: it works, it works in part, it does not work, or it is being deployed or torn down. */
export type Tone = 'calm' | 'warning' | 'alarm' | 'motion';

/** The glyph and the tone of a state, on pages and in the terminal. @see UI.md, "Language of states" */
export const stateStyles: Readonly<Record<FleetState, { glyph: string; tone: Tone }>> = {
  running: { glyph: '●', tone: 'calm' },
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

/** For a host that is only known from rows of another program or from the configuration. */
export const unseen = 'no worker has ever monitored this host';

const deckies = (count: number): string =>
  `${count.toLocaleString('en')} ${count === 1 ? 'decky' : 'deckies'}`;
export const countOf = (count: number, one: 'decky' | string): string =>
  one === 'decky' ? deckies(count) : `${count.toLocaleString('en')} ${one}${count === 1 ? '' : 's'}`;

/** @param ms milliseconds */
export function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

const known: ReadonlyMap<string, string> = new Map([
  ['126', 'command not executable'],
  ['127', 'command not found'],
  ['130', 'interrupted'],
  ['134', 'aborted'],
  ['137', 'killed'],
  ['139', 'crashed'],
  ['143', 'terminated'],
]);

/** Adds the meaning of a known exit code: `ssh: exited, code 137 (killed)`. */
export const withMeaning = (reason: string): string =>
  reason.replace(/\bcode (\d+)\b/g, (text, code: string) =>
    known.has(code) ? `${text} (${known.get(code)})` : text,
  );
